import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

@Suite struct TrustTests {
    /// A certificate authority made for tests; nobody has its key.
    static let authority = """
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

    @Test func `certificates come out as they went in, and comments do not`() throws {
        let list = try CertificateList(
            strict: "Subject: somebody\r\n" + Self.authority.replacing("\n", with: "\r\n") + "# more\n" + Self.authority
        )
        #expect(list.encodings.count == 2 && list.encodings[0] == list.encodings[1])
        #expect(list.encodings[0].count == 432 && list.encodings[0].starts(with: [0x30, 0x82, 0x01, 0xAC]))
        #expect(list.text == Array((Self.authority + Self.authority).utf8))
        #expect(try CertificateList(strict: " \n").encodings.isEmpty)
    }

    @Test(arguments: [
        "hello", authority + "-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nMA==MA==\n-----END CERTIFICATE-----",
        authority.replacing("MIIBrDCC", with: "MIIBrDC*"),
        authority.replacing("nyy\n", with: "nyyAAAA\n"), "-----BEGIN CERTIFICATE-----\n" + authority,
    ])
    func `anything but certificates is refused`(text: String) {
        let error = #expect(throws: ToolError.self) { _ = try CertificateList(strict: text) }
        #expect(error?.code == .invalid)
    }

    @Test func `what can be read of a system's bundle is taken`() {
        let text =
            "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n" + Self.authority
            + "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n" + Self.authority
        #expect(CertificateList(lenient: Array(text.utf8)).encodings.count == 2)
    }

    @Test(arguments: UInt64(1)...200) func `damaged text gives certificates or an error`(seed: UInt64) {
        var random = Seeded(seed: seed)
        var bytes = Array((Self.authority + Self.authority).utf8)
        for _ in 0..<4 {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes.replaceSubrange(
                place..<min(bytes.count, place + Int.random(in: 0...90, using: &random)),
                with: [UInt8(truncatingIfNeeded: random.next() as UInt64)])
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let lenient = CertificateList(lenient: bytes)
        let strict = try? CertificateList(strict: text)
        #expect(lenient.encodings.count <= 2 && (strict == nil || strict == lenient), "seed \(seed)")
    }

    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (String(repeating: "a", count: 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
        (
            String(repeating: "0123456701234567012345670123456701234567012345670123456701234567", count: 10),
            "dea356a2cddd90c7a7ecedc5ebb563934f460452"
        ),
    ])
    func `SHA-1 gives what RFC 3174 and FIPS 180 state`(text: String, digest: String) {
        var hash = SHA1()
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: 1000) {
            hash.update(Array(bytes[start..<min(start + 1000, bytes.count)]))
        }
        #expect(hash.finish().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == digest)
    }

    @Test func `a Java store has an entry for each certificate, and its digest at its end`() throws {
        let encoding = try CertificateList(strict: Self.authority).encodings[0]
        let store = JavaTrustStore.bytes(of: [encoding, [0x30, 0]])
        var reader = FieldReader(store.dropLast(20))
        #expect(try reader.uint32() == 0xFEED_FEED && reader.uint32() == 2 && reader.uint32() == 2)
        for (index, bytes) in [encoding, [0x30, 0]].enumerated() {
            #expect(try reader.uint32() == 2, "a trusted certificate")
            #expect(try text(&reader) == "perimeter-\(index)")
            _ = try reader.uint64()
            #expect(try text(&reader) == "X.509" && reader.field() == bytes)
        }
        try reader.finish()
        var digest = SHA1()
        digest.update("changeit".utf8.flatMap { [0, $0] } + Array("Mighty Aphrodite".utf8) + store.dropLast(20))
        #expect(Array(store.suffix(20)) == digest.finish())
    }

    private func text(_ reader: inout FieldReader) throws -> String {
        let count = try reader.uint16()
        return String(decoding: try (0..<count).map { _ in try reader.byte() }, as: UTF8.self)
    }

    @Test func `a folder that is taken away is made again, and its links are not followed`() throws {
        let rig = try ToolRig()
        let folder = TrustFolder(parents: ["/no/such/place", rig.folder])
        let path = try folder.put { _ in [("a", [1]), ("b", [])] }
        #expect(path.hasPrefix(rig.folder + "/.perimeter-trust-") && rig.contents(path + "/a") == "\u{1}")
        #expect(try folder.put { _ in [("a", [2])] } == path, "the same place")
        #expect(rig.contents(path + "/a") == "\u{2}")

        unlink(path + "/a")
        symlink(rig.folder + "/outside/x", path + "/a")
        symlink(rig.folder + "/outside/x", path + "/.a.new")
        #expect(try folder.put { _ in [("a", [3])] } == path)
        #expect(rig.contents(rig.folder + "/outside/x") == nil && rig.contents(path + "/a") == "\u{3}")

        #expect(rename(path, rig.folder + "/moved") == 0)
        symlink(rig.folder + "/outside", path)
        let second = try folder.put { _ in [("a", [4])] }
        #expect(
            second != path && rig.contents(second + "/a") == "\u{4}" && rig.contents(rig.folder + "/outside/a") == nil)
        folder.remove()
        #expect(access(second, F_OK) != 0)
    }

    @Test func `options of the JVM go side by side, anything else of the session is stronger`() throws {
        let rig = try ToolRig()
        let environment = ProgramEnvironment(["JAVA_TOOL_OPTIONS=-Xmx1g", "HOME=/w"])
        let configuration = SessionConfiguration(environment: environment, folder: TrustFolder(parents: [rig.folder]))
        try configuration.apply(Configuration(variables: ["PIP_CERT": "/mine", "A": "1"], authorities: Self.authority))
        let lines = environment.variables
        #expect(lines.contains("PIP_CERT=/mine") && lines.contains("A=1") && lines.contains("HOME=/w"))
        #expect(lines.contains { $0.hasPrefix("JAVA_TOOL_OPTIONS=-D") && $0.hasSuffix("JKS -Xmx1g") })
        #expect(lines.contains { $0.hasPrefix("SSL_CERT_FILE=\(rig.folder)/.perimeter-trust-") })
        #expect(throws: ToolError.self) {
            try configuration.apply(Configuration(variables: ["A": "2"], authorities: "none"))
        }
        #expect(environment.variables == lines, "what was refused changes nothing")
        try configuration.apply(Configuration())
        #expect(environment.variables == ["JAVA_TOOL_OPTIONS=-Xmx1g", "HOME=/w"])
    }

    @Test func `the daemon's programs trust what they are told, until it ends`() throws {
        let daemon = try DaemonRig()
        _ = try daemon.bash("true")
        #expect(try daemon.configure(Configuration(variables: ["A": "1"], authorities: Self.authority)) == nil)
        let path = try daemon.bash("echo $SSL_CERT_FILE").text
        #expect(path.hasPrefix(daemon.tools.folder + "/.perimeter-trust-"))
        #expect(daemon.tools.contents(path)?.hasSuffix("\n" + Self.authority) == true)
        #expect(try daemon.bash("cat $NODE_EXTRA_CA_CERTS").text + "\n" == Self.authority)
        #expect(try daemon.bash("cat $APT_CONFIG").text == "Acquire::https::CaInfo \"\(path)\";")
        #expect(try daemon.configure(Configuration(variables: ["PATH": "x"]))?.code == .denied)
        #expect(try daemon.configure(Configuration(authorities: "x"))?.code == .denied)
        #expect(try daemon.bash("echo $A $SSL_CERT_FILE").text == "1 \(path)")
        #expect(try daemon.configure(Configuration()) == nil)
        #expect(try daemon.bash("echo ${A-gone} ${SSL_CERT_FILE-gone}").text == "gone gone")
        #expect(access(path, F_OK) != 0)
        #expect(try daemon.configure(Configuration(authorities: Self.authority)) == nil)
        let last = try daemon.bash("echo $SSL_CERT_FILE").text
        try daemon.send(.shutdown)
        #expect(daemon.waitForEnd() == .exited(0) && access(last, F_OK) != 0)
    }
}
