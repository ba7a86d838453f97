import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// An API server behind TLS that asks for a client certificate.
@Suite struct KubernetesTrustTests {
    /// An authority, a server at 127.0.0.1 and a client, made by openssl.
    private struct Certificates {
        let folder: String

        init(in folder: String) throws {
            self.folder = folder
            guard mkdir(folder, 0o700) == 0 else { throw NamespaceRig.Failure("no folder") }
            try authority("ca")
            try authority("other")
            try HostView.write("subjectAltName=IP:127.0.0.1\n", to: "\(folder)/server.ext")
            try HostView.write("extendedKeyUsage=clientAuth\n", to: "\(folder)/client.ext")
            for name in ["server", "client"] {
                try openssl(
                    ["req", "-new"] + Self.key + [
                        "-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/CN=\(name)",
                    ])
                try openssl([
                    "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                    "-days", "2", "-extfile", "\(name).ext", "-out", "\(name).pem",
                ])
            }
        }

        private static let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

        private func authority(_ name: String) throws {
            try openssl(
                ["req", "-x509"] + Self.key
                    + ["-keyout", "\(name).key", "-out", "\(name).pem", "-days", "2", "-subj", "/CN=\(name)"])
        }

        private func openssl(_ words: [String]) throws {
            // Names of files are the folder's.
            let isFile = { (word: String) in [".pem", ".key", ".csr", ".ext"].contains { word.hasSuffix($0) } }
            try HostProgram.run("/usr/bin/openssl", words.map { isFile($0) ? "\(folder)/\($0)" : $0 })
        }
    }

    @Test func `both sides are checked, for requests and for streams`() async throws {
        let folder = "/tmp/perimeter-tls-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        defer { HostView.removeTree(folder) }
        _ = try Certificates(in: folder)
        let variables = [
            ("FAKE_CERTIFICATE", "\(folder)/server.pem"), ("FAKE_KEY", "\(folder)/server.key"),
            ("FAKE_CLIENT_AUTHORITY", "\(folder)/ca.pem"),
        ]
        try await KubernetesRig.with(variables) { rig async throws in
            // The certificate says it all.
            try HostView.write("", to: rig.cluster.folder + "/token")
            let client = "user: {client-certificate: \(folder)/client.pem, client-key: \(folder)/client.key}"
            func engine(_ name: String, authority: String, user: String) throws -> KubernetesEngine {
                let path = "\(rig.cluster.folder)/\(name)"
                let server =
                    "\"https://127.0.0.1:\(rig.cluster.port)\", certificate-authority: \(folder)/\(authority).pem"
                let text = rig.cluster.kubeconfig.replacing("\"http://127.0.0.1:\(rig.cluster.port)\"", with: server)
                try HostView.write(text.replacing("user: {tokenFile: token}", with: user), to: path)
                return rig.another { $0.access = .kubeconfig(path: path) }
            }
            let good = try engine("kubeconfig", authority: "ca", user: client)
            let sandbox = try await good.provision(try rig.spec("a"))
            #expect(try await sandbox.bash("echo sealed").hasPrefix("sealed"))
            await sandbox.destroy()
            let strangers = [
                try engine("stranger", authority: "ca", user: "user: {token: word}"),
                try engine("elsewhere", authority: "other", user: client),
            ]
            for engine in strangers {
                let error = await #expect(throws: SandboxError.self) {
                    _ = try await engine.provision(try rig.spec("b"))
                }
                #expect(error?.code == .unavailable)
            }
            #expect(await rig.leftovers() == [])
        }
    }
}
