internal import NIOSSL
internal import Sandbox

/// Where the API server is, how it is known, and as whom it is asked.
struct ClusterAccess: Sendable {
    enum Credential: Sendable {
        /// The client certificate says it, or the server asks for nothing.
        case none
        case token(EngineSecret)
        /// Read for every request: the kubelet replaces it within the hour.
        case tokenFile(String)
    }

    var url: ServiceURL
    /// Nil takes the host's certificates.
    var trust: TLSConfiguration?
    var credential: Credential
    var namespace: String?

    /// Reads the files. Blocks.
    /// - Throws: `.unavailable` with the name of what cannot be used.
    static func load(_ access: KubernetesConfiguration.Access) throws(SandboxError) -> ClusterAccess {
        switch access {
        case .serviceAccount(let folder, let url): try serviceAccount(folder, url)
        case .kubeconfig(let path, let context): try Kubeconfig.load(path, context: context)
        }
    }

    private static func serviceAccount(_ folder: String, _ url: String) throws(SandboxError) -> ClusterAccess {
        guard let address = ServiceURL(url), address.isSecure || address.isLoopback else {
            throw SandboxError(.unavailable, "the address of the API server is no https URL")
        }
        guard HostFiles.facts("\(folder)/token") != nil else {
            throw SandboxError(
                .unavailable,
                "there is no service account in \(folder): run in a Pod that has one, or name a kubeconfig")
        }
        var trust: TLSConfiguration?
        if address.isSecure {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .file("\(folder)/ca.crt")
            trust = configuration
        }
        let namespace = HostFiles.text("\(folder)/namespace").map { $0.filter { !$0.isWhitespace } }
        return ClusterAccess(
            url: address, trust: trust, credential: .tokenFile("\(folder)/token"), namespace: namespace)
    }

    /// The value of `Authorization`; nil for none. Blocks.
    func authorization() throws(SandboxError) -> String? {
        let secret: EngineSecret
        switch credential {
        case .none: return nil
        case .token(let token): secret = token
        case .tokenFile(let path):
            guard let text = HostFiles.text(path) else {
                throw SandboxError(.unavailable, "the token of the cluster cannot be read from \(path)")
            }
            secret = EngineSecret(text.filter { !$0.isWhitespace })
        }
        guard let value = secret.headerValue else {
            throw SandboxError(.unavailable, "the token of the cluster must be visible ASCII characters without spaces")
        }
        return "Bearer \(value)"
    }
}
