/// What became of one request or tunnel: for the request log, the audit, and the eyes of who wrote the policy.
///
/// Holds no query, header or body: these carry what must not be kept.
public struct EgressRecord: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        case carried
        /// The policy refused it. One sentence that names the host and the rule, as the program inside got it.
        case denied(String)
        /// It was allowed, but could not be carried. One sentence.
        case failed(String)
    }

    public var host: String
    public var port: Int
    /// `CONNECT` for a tunnel whose content nobody saw.
    public var method: String
    /// Without its query; empty for a tunnel.
    public var path: String
    public var outcome: Outcome
    /// Whether the gate read the request inside TLS.
    public var isInspected: Bool
    /// Bytes that went out, and that came in, of what the gate carried.
    public var bytesOut: Int
    public var bytesIn: Int
    public var duration: Duration
}
