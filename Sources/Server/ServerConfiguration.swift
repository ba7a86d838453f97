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

    public init(
        host: String = "127.0.0.1", port: Int = 8700, bodyLimit: Int = 32 << 20, requiresBetaHeaders: Bool = true,
        connectionLimit: Int = 8192, keepAlive: Duration = .seconds(15)
    ) {
        self.host = host
        self.port = port
        self.bodyLimit = bodyLimit
        self.requiresBetaHeaders = requiresBetaHeaders
        self.connectionLimit = connectionLimit
        self.keepAlive = keepAlive
    }
}
