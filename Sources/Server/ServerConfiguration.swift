/// How the HTTP side behaves.
public struct ServerConfiguration: Sendable {
    public var host: String
    /// 0 takes a free port.
    public var port: Int
    /// Largest body of JSON endpoints, in bytes. 32 MiB by default (reference api-core §0.6).
    public var bodyLimit: Int
    /// Answers 404 when a request lacks the beta header of its endpoint, as the reference does.
    public var requiresBetaHeaders: Bool
    /// Connections at once, streams included; more wait to be accepted. 8192 by default.
    public var connectionLimit: Int
    /// Time between comments on idle event streams. 15 s by default.
    public var keepAlive: Duration
    /// Where ports of sandboxes are shown, such as `https://*.preview.example.com`; nil shows them below localhost.
    public var previewURL: String?

    /// Whether text can be ``previewURL``: a scheme, a star for the secret, a domain, perhaps a port, and no path.
    public static func isPreviewURL(_ text: String) -> Bool { PreviewAddress(text) != nil }

    public init(
        host: String = "127.0.0.1", port: Int = 8700, bodyLimit: Int = 32 << 20, requiresBetaHeaders: Bool = true,
        connectionLimit: Int = 8192, keepAlive: Duration = .seconds(15), previewURL: String? = nil
    ) {
        self.host = host
        self.port = port
        self.bodyLimit = bodyLimit
        self.requiresBetaHeaders = requiresBetaHeaders
        self.connectionLimit = connectionLimit
        self.keepAlive = keepAlive
        self.previewURL = previewURL
    }
}
