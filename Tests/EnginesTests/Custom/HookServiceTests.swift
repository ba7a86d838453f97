import Sandbox
import TestSupport
import Testing

@testable import Engines

/// The ways of a hook behind HTTP.
@Suite final class HookServiceTests {
    private let folder = "/tmp/perimeter-hook-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"

    deinit { HostView.removeTree(folder) }

    private func engine(_ url: String, _ secret: String = "word") -> CustomEngine {
        CustomRig.engine(.service(url: url, secret: EngineSecret(secret)), folder, RecordingGate())
    }

    @Test func `a wrong secret is named as the reason`() async throws {
        try await CustomRig.with(.service) { rig async throws in
            guard case .service(let url, _, _) = rig.hook else { return }
            let other = CustomRig.engine(
                .service(url: url, secret: EngineSecret("another")), rig.folder + "/state", rig.gate)
            let error = await #expect(throws: SandboxError.self) {
                _ = try await other.provision(try rig.spec("a"))
            }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("401 (check the hook's secret)") == true)
            #expect(error?.message.contains("another") == false)
            let report = await other.probe()
            #expect(!report.isUsable && report.problems.count == 1)
        }
    }

    @Test(arguments: ["http://192.0.2.1/hook", "http://example.com", "http://127.0.0.1.example.com"])
    func `a secret does not travel in the clear`(_ url: String) async throws {
        let report = await engine(url).probe()
        #expect(report.problems.first?.remedy == "use https")
        let spec = SandboxSpec(id: try #require(SandboxID("a")))
        let error = await #expect(throws: SandboxError.self) { _ = try await engine(url).provision(spec) }
        #expect(error?.code == .unavailable)
    }

    @Test func `a secret that would break out of its header is refused`() async throws {
        let spec = SandboxSpec(id: try #require(SandboxID("a")))
        for secret in ["", "a b", "a\r\nx: y", "é"] {
            let error = await #expect(throws: SandboxError.self) {
                _ = try await engine("http://127.0.0.1:1", secret).provision(spec)
            }
            #expect(error?.message.contains("visible ASCII") == true)
        }
        #expect("\(EngineSecret("word"))\(String(reflecting: EngineSecret("word")))" == "••••••")
    }

    @Test func `an address is a URL without anything that does not belong into it`() {
        let good = [
            ("https://hook.example.com", "https://hook.example.com:443"),
            ("http://127.0.0.1:80/", "http://127.0.0.1:80"),
            ("HTTPS://[fd00::1]:6443/a/b//", "https://[fd00::1]:6443/a/b"),
        ]
        for (text, expected) in good { #expect(ServiceURL(text)?.description == expected) }
        for text in [
            "", "hook", "ftp://a", "http://", "http://a:0", "http://a:65536", "http://a:", "http://u@a", "http://a?b",
            "http://a#b", "http://a b", "http://[::1", "http://[x]", "http://a/\n", "http://a:1x",
        ] { #expect(ServiceURL(text) == nil, "\(text)") }
        #expect(ServiceURL.escaped("a b/é&=~") == "a%20b%2F%C3%A9%26%3D~")
    }

    @Test func `statuses and exit codes mean the same`() {
        let pairs: [(Int32, Int)] = [(0, 200), (10, 422), (11, 404), (12, 507), (13, 503), (1, 500), (127, 418)]
        for (code, status) in pairs { #expect(HookOutcome(exitCode: code) == HookOutcome(status: status)) }
    }

    @Test func `a redirect is not followed`() async throws {
        try await RawServer.with("HTTP/1.1 307 Elsewhere\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n") {
            server async throws in
            let error = await #expect(throws: SandboxError.self) {
                _ = try await engine("http://127.0.0.1:\(server.port)").refreshedDescription()
            }
            #expect(error?.message.contains("307") == true)
            #expect(server.connections == 1)
        }
    }

    @Test(arguments: [
        "garbage", "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nno json",
    ])
    func `an answer that makes no sense is an error`(_ answer: String) async throws {
        try await RawServer.with(answer) { server async throws in
            let error = await #expect(throws: SandboxError.self) {
                _ = try await engine("http://127.0.0.1:\(server.port)").refreshedDescription()
            }
            #expect(error?.code == .protocolViolation || error?.code == .lost)
        }
    }
}
