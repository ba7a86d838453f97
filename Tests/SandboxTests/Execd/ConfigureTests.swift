import ExecdProtocol
import Glibc
import Sandbox
import TestSupport
import Testing

/// Settings of a session on their way into a daemon.
@Suite(.serialized) struct ConfigureTests {
    private func text(_ stream: any SandboxStream) async throws -> String {
        var bytes: [UInt8] = []
        while let piece = try await stream.read() { bytes += piece }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `calls and people's shells have the variables, as long as they are named`() async throws {
        try await DaemonRig.connected { _, client in
            _ = try await client.bash("own=1; export MINE=2", id: "0")
            try await client.configure(SandboxSettings(variables: ["ONE": "1", "TWO": "a\nb"]))
            #expect(try await client.bash("echo \"$ONE $TWO $own $MINE\"", id: "1").text.hasPrefix("1 a\nb 1 2"))
            #expect(try await text(client.open(.command("printf %s \"$ONE $TWO\""))) == "1 a\nb")
            try await client.configure(SandboxSettings(variables: ["TWO": "c"]))
            #expect(try await client.bash("echo ${ONE-gone} $TWO $MINE", id: "2").text.hasPrefix("gone c 2"))
            #expect(try await text(client.open(.command("printf %s \"${ONE-gone} $TWO\""))) == "gone c")
        }
    }

    @Test func `they outlive the connection, and the next one changes them`() async throws {
        try await DaemonRig.with { rig in
            let first = try await rig.connect()
            try await first.configure(SandboxSettings(variables: ["KEY": "one"]))
            await first.detach()
            let second = try await rig.connect()
            #expect(try await second.bash("echo $KEY", id: "1").text.hasPrefix("one"))
            try await second.configure(SandboxSettings(variables: ["KEY": "two"]))
            #expect(try await second.bash("echo $KEY", id: "2").text.hasPrefix("two"))
            await second.detach()
        }
    }

    @Test func `they come while a call runs, and wait for it`() async throws {
        try await DaemonRig.connected { rig, client in
            async let running = client.bash(
                "touch started; while [ ! -e go ]; do sleep 0.01; done; echo ${KEY-none}", id: "1")
            while access(rig.work + "/started", F_OK) != 0 { try await Task.sleep(for: .milliseconds(2)) }
            try await client.configure(SandboxSettings(variables: ["KEY": "one"]))
            try await client.put([], at: rig.work + "/go", mode: 0o644)
            #expect(try await running.text.hasPrefix("none"))
            #expect(try await client.bash("echo $KEY", id: "2").text.hasPrefix("one"))
        }
    }

    @Test(arguments: [
        SandboxSettings(variables: ["PATH": "/x"]), SandboxSettings(variables: ["A=B": "x"]),
        SandboxSettings(variables: ["A": "x\0"]),
        SandboxSettings(variables: ["A": String(repeating: "x", count: 70_000)]),
        SandboxSettings(authorities: "no certificate"),
        SandboxSettings(authorities: String(repeating: "x", count: 300_000)),
    ])
    func `what is not taken is refused as a whole, and the connection goes on`(settings: SandboxSettings) async throws {
        try await DaemonRig.connected { _, client in
            try await client.configure(SandboxSettings(variables: ["KEY": "one"]))
            var wanted = settings
            wanted.variables["KEY"] = "two"
            let error = await #expect(throws: SandboxError.self) { try await client.configure(wanted) }
            #expect(error?.code == .unsupported)
            #expect(try await client.bash("echo $KEY", id: "1").text.hasPrefix("one"))
        }
    }

    @Test func `certificates that cannot be written are an error, and the variables stay as they were`() async throws {
        try await DaemonRig.connected { rig, client in
            try await client.configure(SandboxSettings(variables: ["KEY": "one"]))
            // The folder for certificates is the rig's own.
            #expect(rename(rig.folder, rig.folder + ".moved") == 0)
            let error = await #expect(throws: SandboxError.self) {
                try await client.configure(
                    SandboxSettings(variables: ["KEY": "two"], authorities: TestCertificate.text))
            }
            #expect(rename(rig.folder + ".moved", rig.folder) == 0)
            #expect(error?.code == .quotaExceeded)
            #expect(try await client.bash("echo $KEY", id: "1").text.hasPrefix("one"))
        }
    }

    @Test func `certificates are where programs look for them`() async throws {
        try await DaemonRig.connected { _, client in
            try await client.configure(SandboxSettings(authorities: TestCertificate.text))
            for name in [
                "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE",
            ] {
                let text = try await client.bash("tail -\(TestCertificate.lines) $\(name)", id: name).text
                #expect(text == TestCertificate.text, "\(name)")
            }
        }
    }

    @Test(arguments: [ExecdMessage.putDone, .opened, .result(.success("x"))])
    func `another answer is a violation`(answer: ExecdMessage) async throws {
        let peer = try FakeDaemon()
        let client = try await peer.connect()
        async let code = DaemonRig.failure { () throws(SandboxError) in try await client.configure(SandboxSettings()) }
        _ = try await peer.hear { stream, _ in stream == 1 }
        peer.say(answer, on: 1)
        #expect(await code == .protocolViolation)
        await client.detach()
    }

    @Test func `it prints none of its values`() {
        let settings = SandboxSettings(variables: ["NAME": "secret"], authorities: "secret")
        var text = ""
        dump(settings, to: &text)
        #expect(!"\(settings) \(String(reflecting: settings)) \(text)".contains("secret"))
    }
}

/// A certificate authority made for tests; nobody has its key.
enum TestCertificate {
    static let text = """
        -----BEGIN CERTIFICATE-----
        MIIBrDCCAVOgAwIBAgIUOmC79aw20tt3JfpA508qHw2jLKowCgYIKoZIzj0EAwIw
        IzEhMB8GA1UEAwwYUGVyaW1ldGVyIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyNDAy
        MDgxM1oYDzIxMjYxMDMxMDIwODEzWjAjMSEwHwYDVQQDDBhQZXJpbWV0ZXIgdGVz
        dCBhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ8Kuoewkpfe3Rg
        jbYcJemqc54tpZhcC8RrUxWEmJmpgP5t1eGqlhlykpUFsriN3jdC8z7RhtEm8N5V
        7DFZf287o2MwYTAdBgNVHQ4EFgQUYUP7cnybabW5xISmsYesUzuNPWIwHwYDVR0j
        BBgwFoAUYUP7cnybabW5xISmsYesUzuNPWIwDwYDVR0TAQH/BAUwAwEB/zAOBgNV
        HQ8BAf8EBAMCAgQwCgYIKoZIzj0EAwIDRwAwRAIgGj9/cO5VEf/EfjxapLv6WS9a
        k/XnvJCPTbf1DYennMECIAFvO45qpmRe3aCGxRvid8oPBZE345VmVXOBgnyXbnyy
        -----END CERTIFICATE-----
        """
    static let lines = 11
}
