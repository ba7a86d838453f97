internal import NIOSSL
internal import Sandbox
internal import Wire
internal import Yams

/// Reads the file that kubectl is configured with. What it asks for and this does not know is refused, never skipped.
enum Kubeconfig {
    private static let sizeLimit = 1 << 20

    static func load(_ path: String, context name: String?) throws(SandboxError) -> ClusterAccess {
        guard let bytes = HostFiles.read(path, limit: sizeLimit) else {
            throw SandboxError(.unavailable, "the kubeconfig \(path) cannot be read")
        }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        do throws(SandboxError) {
            return try parse(String(decoding: bytes, as: UTF8.self), in: folder, context: name)
        } catch {
            throw SandboxError(error.code, "the kubeconfig \(path): \(error.message)", cause: error.cause)
        }
    }

    /// - Parameter folder: what relative paths in it are relative to.
    static func parse(_ yaml: String, in folder: String, context name: String?) throws(SandboxError) -> ClusterAccess {
        let root: Node
        do {
            guard let node = try compose(yaml: yaml) else { throw unusable("it is empty") }
            root = node
        } catch let error as SandboxError {
            throw error
        } catch {
            throw unusable("it is no YAML")
        }
        guard let name = name ?? text(root, "current-context"), !name.isEmpty else {
            throw unusable("it has no current context: name one")
        }
        let context = try entry(root, "contexts", name, "context")
        let cluster = try entry(root, "clusters", try required(context, "cluster"), "cluster")
        let user = try entry(root, "users", try required(context, "user"), "user")
        let reader = Reader(folder: folder)
        let url = try address(cluster)
        return ClusterAccess(
            url: url, trust: url.isSecure ? try trust(cluster, user, reader) : nil,
            credential: try credential(user, reader), namespace: text(context, "namespace"))
    }

    private static func address(_ cluster: Node) throws(SandboxError) -> ServiceURL {
        for key in ["proxy-url", "tls-server-name"] where cluster[key] != nil {
            throw unusable("'\(key)' is not known here")
        }
        if flag(cluster, "insecure-skip-tls-verify") {
            throw unusable("the server has to be checked: give 'certificate-authority' instead of skipping it")
        }
        guard let url = ServiceURL(try required(cluster, "server")), url.isSecure || url.isLoopback else {
            throw unusable("its server is no https URL")
        }
        return url
    }

    private static func trust(_ cluster: Node, _ user: Node, _ reader: Reader) throws(SandboxError) -> TLSConfiguration?
    {
        let authority = try reader.bytes(cluster, "certificate-authority")
        let certificate = try reader.bytes(user, "client-certificate")
        let key = try reader.bytes(user, "client-key")
        guard (certificate == nil) == (key == nil) else {
            throw unusable("a client certificate and its key belong together")
        }
        guard authority != nil || certificate != nil else { return nil }
        var trust = TLSConfiguration.makeClientConfiguration()
        do {
            if let authority { trust.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authority)) }
            if let certificate, let key {
                trust.certificateChain = try NIOSSLCertificate.fromPEMBytes(certificate).map { .certificate($0) }
                trust.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
            }
        } catch {
            throw unusable("a certificate or key in it is no PEM")
        }
        return trust
    }

    private static func credential(
        _ user: Node, _ reader: Reader
    ) throws(SandboxError) -> ClusterAccess.Credential {
        for key in ["exec", "auth-provider", "username", "as", "impersonate"] where user[key] != nil {
            throw unusable(
                "'\(key)' of its user is not known here: use a token, a token file or a client certificate")
        }
        if let path = text(user, "tokenFile") { return .tokenFile(reader.path(path)) }
        if let token = text(user, "token") { return .token(EngineSecret(token)) }
        return .none
    }

    // MARK: - Nodes

    private static func entry(
        _ root: Node, _ list: String, _ name: String, _ member: String
    ) throws(SandboxError) -> Node {
        let found = root[list]?.sequence?.first { text($0, "name") == name }?[member]
        guard let found, found.mapping != nil else { throw unusable("it has no \(member) '\(name.prefix(80))'") }
        return found
    }

    private static func text(_ node: Node, _ key: String) -> String? { node[key]?.scalar?.string }
    private static func flag(_ node: Node, _ key: String) -> Bool { node[key]?.bool ?? (node[key] != nil) }

    private static func required(_ node: Node, _ key: String) throws(SandboxError) -> String {
        guard let text = text(node, key), !text.isEmpty else { throw unusable("it has no '\(key)'") }
        return text
    }

    private static func unusable(_ reason: String) -> SandboxError { SandboxError(.unavailable, reason) }

    /// Values that stand in the file itself, or in another one.
    private struct Reader {
        let folder: String

        func path(_ path: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }

        func bytes(_ node: Node, _ key: String) throws(SandboxError) -> [UInt8]? {
            if let data = Kubeconfig.text(node, "\(key)-data") {
                guard let bytes = Base64.decode(data.filter { !$0.isWhitespace }) else {
                    throw Kubeconfig.unusable("'\(key)-data' is no base64")
                }
                return bytes
            }
            guard let file = Kubeconfig.text(node, key) else { return nil }
            guard let bytes = HostFiles.read(path(file), limit: Kubeconfig.sizeLimit) else {
                throw Kubeconfig.unusable("'\(key)' cannot be read from \(path(file))")
            }
            return bytes
        }
    }
}
