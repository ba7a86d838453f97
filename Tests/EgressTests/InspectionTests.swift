import Logging
import NIOSSL
import Sandbox
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Egress

/// Requests that the gate reads inside TLS, by real clients of TLS.
@Suite struct InspectionTests {
    private final class Records: Sendable {
        private let records = Mutex<[EgressRecord]>([])
        var all: [EgressRecord] { records.withLock { $0 } }
        func add(_ record: EgressRecord) { records.withLock { $0.append(record) } }
    }

    /// A gate in front of a TLS server on the loopback, and a program inside that trusts the gate's authority.
    private struct Scene {
        let server: EchoServer
        let gate: EgressGate
        let authority: EgressAuthority
        let records: Records

        /// What the server answers to a request that is sent through a tunnel. The connection is a real one.
        func ask(_ text: String, host: String = "localhost", trusting roots: String? = nil) async throws -> String {
            try await TunnelClient.ask(
                text, of: gate, host: host, port: server.port, roots: roots ?? authority.certificatePEM)
        }
    }

    private static func secret(
        _ text: String = "s3cret", _ hosts: SecretBinding.Hosts = .any, inHeaders: Bool = true, inBody: Bool = true
    ) -> SecretBinding {
        SecretBinding(
            variable: "KEY", placeholder: "placeholder-0123456789", secret: SecretValue(text), hosts: hosts,
            appliesToHeaders: inHeaders, appliesToBody: inBody, credential: "vcrd_1")
    }
    private static func secret(_ hosts: SecretBinding.Hosts) -> SecretBinding { secret("s3cret", hosts) }

    private func with(
        _ rules: [String], leaks: [LeakRule] = [], secrets: [SecretBinding] = [], keepsOpen: Int? = nil,
        upstreamRoots: String = LoopbackCertificate.name,
        _ body: (Scene) async throws -> Void
    ) async throws {
        let certificate = try NIOSSLCertificate(bytes: Array(LoopbackCertificate.name.utf8), format: .pem)
        let key = try NIOSSLPrivateKey(bytes: Array(LoopbackCertificate.key.utf8), format: .pem)
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(certificate)], privateKey: .privateKey(key)))
        try await EchoServer.with(keepsOpen: keepsOpen, outer: { NIOSSLServerHandler(context: context) }) { server in
            let authority = try EgressAuthority.create(name: "test")
            let records = Records()
            let gate = EgressGate(
                policy: .allow(hosts: rules.map { $0.replacing("PORT", with: "\(server.port)") }),
                leaks: leaks, secrets: SecretTable(secrets),
                authority: authority,
                context: EgressContext(
                    resolver: FixedResolver(["127.0.0.1"]), tls: UpstreamTLS(roots: Array(upstreamRoots.utf8)),
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
                onRecord: { records.add($0) })
            try await body(Scene(server: server, gate: gate, authority: authority, records: records))
        }
    }

    @Test func `a rule about paths is asked about each request inside TLS`() async throws {
        try await with(["GET,HEAD https://localhost:PORT/v1/*"]) { scene async throws in
            let allowed = try await scene.ask("GET /v1/a?key=b HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n")
            #expect(allowed.hasPrefix("HTTP/1.1 200 OK\r\n") && allowed.contains("GET /v1/a?key=b"))
            let path = try await scene.ask("GET /v2/a HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n")
            #expect(path.hasPrefix("HTTP/1.1 403 "))
            #expect(path.contains("may not send GET https://localhost/v2/a"))
            #expect(path.contains("'GET,HEAD https://localhost:\(scene.server.port)/v1/*'"))
            let method = try await scene.ask("DELETE /v1/a HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n")
            #expect(method.hasPrefix("HTTP/1.1 403 "))
            #expect(scene.server.requests == 1)
            #expect(scene.records.all.map(\.path) == ["/v1/a", "/v2/a", "/v1/a"])
            #expect(scene.records.all.allSatisfy { $0.isInspected })
        }
    }

    @Test func `a denial about a path leaves the others alone`() async throws {
        try await with(["localhost:PORT", "deny https://localhost:PORT/admin*"]) { scene async throws in
            #expect(try await scene.ask("GET /a HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
            for path in ["/admin", "/admin/x", "/%61dmin", "/x/../admin", "//admin"] {
                #expect(try await scene.ask("GET \(path) HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 403 "), "\(path)")
            }
            #expect(scene.server.requests == 1)
        }
    }

    @Test func `a tunnel to one host is no way to another`() async throws {
        try await with(["https://localhost:PORT/*"]) { scene async throws in
            for host in ["other.example", "localhost:1", "localhost"] {
                let answer = try await scene.ask("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("names another host than the tunnel"))
            }
            let two = "GET / HTTP/1.1\r\nHost: localhost:PORT\r\nHost: other.example\r\n\r\n"
            #expect(try await scene.ask(two).hasPrefix("HTTP/1.1 400 "))
            #expect(scene.server.requests == 0)
        }
    }

    @Test func `a host that nobody vouches for gets no request and no secret`() async throws {
        let secret = Self.secret(.only(["localhost"]))
        try await with(["localhost:PORT"], secrets: [secret], upstreamRoots: LoopbackCertificate.address) {
            scene async throws in
            let answer = try await scene.ask("GET / HTTP/1.1\r\nAuthorization: Bearer placeholder-0123456789\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains("could not be proven with TLS"))
            #expect(scene.server.requests == 0)
        }
    }

    @Test func `a program that does not trust the authority gets no answer`() async throws {
        try await with(["https://localhost:PORT/*"]) { scene async throws in
            await #expect(throws: (any Error).self) { () async throws in
                _ = try await scene.ask("GET / HTTP/1.1\r\n\r\n", trusting: LoopbackCertificate.address)
            }
            #expect(scene.server.requests == 0)
        }
    }

    @Test func `without a rule that asks for it nothing inside TLS is read`() async throws {
        try await with(["localhost:PORT"]) { scene async throws in
            let answer = try await scene.ask("GET /a HTTP/1.1\r\n\r\n", trusting: LoopbackCertificate.name)
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
            #expect(scene.records.all.map(\.method) == ["CONNECT"])
        }
    }

    @Test func `a secret reaches only the host that it is bound to`() async throws {
        let request =
            "POST /show-fields HTTP/1.1\r\nX-Key: k=placeholder-0123456789;\r\nAuthorization: Basic "
            + "dTpwbGFjZWhvbGRlci0wMTIzNDU2Nzg5\r\nContent-Length: 26\r\n\r\n<<placeholder-0123456789>>"
        try await with(["localhost:PORT"], secrets: [Self.secret(.only(["LocalHost"]))]) { scene async throws in
            let answer = try await scene.ask(request)
            #expect(answer.contains("x-key: k=s3cret;") && answer.contains("authorization: Basic dTpzM2NyZXQ="))
            #expect(answer.contains("content-length: 10") && answer.contains("<<s3cret>>"))
        }
        try await with(["localhost:PORT"], secrets: [Self.secret(inBody: false)]) { scene async throws in
            let answer = try await scene.ask(request)
            #expect(answer.contains("x-key: k=s3cret;") && answer.contains("<<placeholder-0123456789>>"))
        }
        try await with(["localhost:PORT"], secrets: [Self.secret(.only(["other.example", "*.localhost"]))]) {
            scene async throws in
            // No secret is bound to this host: nothing is read, and the placeholder is what goes out.
            let answer = try await scene.ask(request, trusting: LoopbackCertificate.name)
            #expect(
                answer.contains("x-key: k=placeholder-0123456789;") && answer.contains("<<placeholder-0123456789>>"))
        }
    }

    @Test func `a body of unknown length gets its secrets in chunks`() async throws {
        let secret = Self.secret(inHeaders: false)
        try await with(["localhost:PORT"], secrets: [secret]) { scene async throws in
            let answer = try await scene.ask(
                "POST /show-fields HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "e\r\n<<placeholder-\r\nc\r\n0123456789>>\r\n0\r\n\r\n")
            #expect(answer.contains("transfer-encoding: chunked") && answer.hasSuffix("<<s3cret>>"))
        }
    }

    @Test func `a secret with a line end stays out of the head`() async throws {
        let secret = Self.secret("a\r\nX-Forged: 1", inBody: false)
        try await with(["localhost:PORT"], secrets: [secret]) { scene async throws in
            let answer = try await scene.ask("GET /show-fields HTTP/1.1\r\nX-Key: placeholder-0123456789\r\n\r\n")
            #expect(answer.contains("x-key: placeholder-0123456789") && !answer.lowercased().contains("x-forged"))
        }
    }

    @Test func `several requests share a connection, and each is judged`() async throws {
        try await with(["https://localhost:PORT/open/*"], keepsOpen: 100) { scene async throws in
            let answer = try await scene.ask(
                "GET /open/1 HTTP/1.1\r\n\r\nPOST /open/2 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
                    + "POST /open/3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
                    + "HEAD /open/4 HTTP/1.1\r\n\r\nGET /closed HTTP/1.1\r\n\r\nGET /open/5 HTTP/1.1\r\n\r\n")
            for part in ["GET /open/1 host", "POST /open/2 host", "body=3", "POST /open/3 host", "body=2"] {
                #expect(answer.contains(part), "\(part)")
            }
            #expect(answer.contains("HTTP/1.1 403 ") && answer.contains("may not send GET https://localhost/closed"))
            #expect(!answer.contains("/open/5"), "a refusal ends the connection")
            #expect(scene.server.requests == 4 && scene.server.connections == 1)
            #expect(scene.records.all.map(\.path) == ["/open/1", "/open/2", "/open/3", "/open/4", "/closed"])
        }
    }

    @Test func `a request that asks for it, or is of the older version, is the last one`() async throws {
        try await with(["https://localhost:PORT/*"], keepsOpen: 100) { scene async throws in
            for first in ["GET /1 HTTP/1.1\r\nConnection: close\r\n\r\n", "GET /1 HTTP/1.0\r\n\r\n"] {
                let answer = try await scene.ask(first + "GET /2 HTTP/1.1\r\n\r\n")
                #expect(answer.contains("GET /1 host") && !answer.contains("/2"))
            }
            #expect(scene.server.requests == 2)
        }
    }

    @Test func `a host that ends its connection gets another one`() async throws {
        try await with(["https://localhost:PORT/*"], keepsOpen: 2) { scene async throws in
            let answer = try await scene.ask(
                (1...5).map { "GET /\($0) HTTP/1.1\r\n\r\n" }.joined()
                    + "GET /6 HTTP/1.1\r\nConnection: close\r\n\r\n")
            for number in 1...6 { #expect(answer.contains("GET /\(number) host"), "\(number)") }
            #expect(scene.server.requests == 6 && scene.server.connections == 3)
        }
    }

    @Test func `what follows a request on its connection is a request, or refused`() async throws {
        try await with(["https://localhost:PORT/*"], keepsOpen: 100) { scene async throws in
            for second in [
                "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", "CONNECT other.example:1 HTTP/1.1\r\n\r\n",
                "\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            ] {
                let answer = try await scene.ask("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nab\(second)")
                #expect(answer.contains("POST /a host") && answer.contains("HTTP/1.1 400 "), "\(second)")
            }
            #expect(scene.server.requests == 4)
        }
    }

    @Test func `a new rule about leaks ends the tunnels that nobody reads`() async throws {
        try await with(["localhost:PORT"]) { scene async throws in
            let tunnel = MemoryConnection([Array("CONNECT localhost:\(scene.server.port) HTTP/1.1\r\n\r\n".utf8)])
            let task = Task { await scene.gate.serve(tunnel) }
            while !tunnel.answer.hasPrefix("HTTP/1.1 200 ") { await Task.yield() }
            scene.gate.update(
                policy: .allow(hosts: ["localhost:\(scene.server.port)"]), leaks: [LeakRule(.block, .awsKey)])
            await task.value
            #expect(tunnel.isReset)
        }
    }

    @Test func `leaks in requests are replaced, with the right length, or refuse them`() async throws {
        let rules = ["redact aws_key", "block github_token", "block project Bluebird"].compactMap { LeakRule(line: $0) }
        let aws = "AKIA" + "IOSFODNN7EXAMPLE"
        try await with(["localhost:PORT"], leaks: rules) { scene async throws in
            let answer = try await scene.ask(
                "POST /show-fields HTTP/1.1\r\nX-Key: \(aws)\r\nContent-Length: 24\r\n\r\n<<\(aws)>>")
            #expect(answer.contains("x-key: [redacted:aws_key]\n") && answer.hasSuffix("<<[redacted:aws_key]>>"))
            #expect(answer.contains("content-length: 22"))
            let token = "ghp_" + String(repeating: "a1B2", count: 9)
            for request in [
                "GET /\(token) HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nAuthorization: Bearer \(token)\r\n\r\n",
                "POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\n\(token)",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n-Blue\r\n5\r\nbird-\r\n0\r\n\r\n",
            ] {
                let answer = try await scene.ask(request)
                #expect(answer.hasPrefix("HTTP/1.1 403 ") && answer.contains("about leaks refuses it"), "\(request)")
                #expect(!answer.contains(token) && !answer.contains("Bluebird"))
            }
            #expect(scene.server.requests == 1)
            #expect(scene.records.all.allSatisfy { !$0.path.contains(token) && $0.isInspected })
            let opaque = MemoryConnection([
                Array("CONNECT localhost:\(scene.server.port) HTTP/1.1\r\n\r\n".utf8), Array("SSH-2.0-x\r\n\r\n".utf8),
            ])
            await scene.gate.serve(opaque)
            #expect(opaque.answer.contains("HTTP/1.1 400 "), "what cannot be read does not leave")
        }
    }

    @Test func `new rules end the tunnels that they do not allow`() async throws {
        try await with(["localhost:PORT"]) { scene async throws in
            let first = MemoryConnection([Array("CONNECT localhost:\(scene.server.port) HTTP/1.1\r\n\r\n".utf8)])
            let task = Task { await scene.gate.serve(first) }
            while !first.answer.hasPrefix("HTTP/1.1 200 ") { await Task.yield() }
            scene.gate.update(policy: .allow(hosts: ["localhost:\(scene.server.port)", "other.example"]))
            #expect(!first.isReset)
            scene.gate.update(policy: .allow(hosts: ["other.example"]))
            await task.value
            #expect(first.isReset)
            let second = MemoryConnection("CONNECT localhost:\(scene.server.port) HTTP/1.1\r\n\r\n")
            await scene.gate.serve(second)
            #expect(second.answer.hasPrefix("HTTP/1.1 403 "))
        }
    }
}
