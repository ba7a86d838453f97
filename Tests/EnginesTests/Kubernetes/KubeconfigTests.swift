import Sandbox
import Testing

@testable import Engines

/// What kubectl's file may say.
@Suite struct KubeconfigTests {
    private func file(cluster: String = "server: https://10.0.0.1:6443", user: String = "token: word") -> String {
        """
        current-context: a
        contexts: [{name: a, context: {cluster: c, user: u, namespace: n}}]
        clusters: [{name: c, cluster: {\(cluster)}}]
        users: [{name: u, user: {\(user)}}]
        """
    }

    private func parsed(_ text: String, _ context: String? = nil) throws(SandboxError) -> ClusterAccess {
        try Kubeconfig.parse(text, in: "/nowhere", context: context)
    }

    @Test func `a context leads to a server and to who asks it`() throws {
        let access = try parsed(file())
        #expect(access.url.description == "https://10.0.0.1:6443" && access.namespace == "n")
        #expect(try access.authorization() == "Bearer word")
        guard case .tokenFile("/nowhere/t") = try parsed(file(user: "token: old, tokenFile: t")).credential else {
            Issue.record("a token file goes before a token, and is relative to the file")
            return
        }
        #expect(try parsed(file(cluster: "server: 'http://127.0.0.1:8001'", user: "{}: 1")).authorization() == nil)
    }

    @Test(arguments: [
        "server: https://a, insecure-skip-tls-verify: true", "server: https://a, insecure-skip-tls-verify: 'yes'",
        "server: http://a", "server: ftp://a", "server: ''", "certificate-authority-data: AAAA",
        "server: https://a, certificate-authority-data: '%%%'", "server: https://a, certificate-authority-data: AAAA",
        "server: https://a, certificate-authority: missing.pem", "server: https://a, proxy-url: http://b",
        "server: https://a, tls-server-name: b",
    ])
    func `a server that would not be checked, or not as asked, is refused`(_ cluster: String) {
        let error = #expect(throws: SandboxError.self) { try parsed(file(cluster: cluster)) }
        #expect(error?.code == .unavailable)
    }

    @Test(arguments: [
        "exec: {command: aws}", "auth-provider: {name: gcp}", "username: a, password: b", "as: admin, token: a",
        "client-certificate-data: AAAA", "client-key-data: AAAA",
        "client-certificate-data: AAAA, client-key-data: AAAA",
    ])
    func `a way to ask that is not known here is refused`(_ user: String) {
        #expect(throws: SandboxError.self) { try parsed(file(user: user)) }
    }

    @Test(arguments: ["", "- a", "a: [", "current-context: x", "{}", "current-context: a\ncontexts: {a: b}"])
    func `no kubeconfig at all is an error`(_ text: String) {
        #expect(throws: SandboxError.self) { try parsed(text) }
    }

    @Test func `another context can be named`() {
        let error = #expect(throws: SandboxError.self) { try parsed(file(), "b") }
        #expect(error?.message == "it has no context 'b'")
    }

    @Test func `a secret in a message is none`() throws {
        #expect(!"\(try parsed(file()))".contains("word"))
        let error = #expect(throws: SandboxError.self) { try parsed(file(user: "token: 'a b'")).authorization() }
        #expect(error?.message.contains("a b") == false)
    }
}
