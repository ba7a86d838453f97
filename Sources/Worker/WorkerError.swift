/// What can go wrong between the worker and its server or its host.
public struct WorkerError: Error, Sendable, CustomStringConvertible {
    /// Stable: tests and metrics use it.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case configuration, unusableEngine, transport, busy, refused, unauthorized, notFound, preconditionFailed,
                conflict
            case malformed, tooLarge, journal, cancelled
        }
        private var wrapped: Wrapped
        /// A setting is unusable; the message names it.
        public static let configuration = Code(wrapped: .configuration)
        /// The sandbox engine cannot be used on this host; the message names the remedies.
        public static let unusableEngine = Code(wrapped: .unusableEngine)
        /// The server could not be reached or the connection broke.
        public static let transport = Code(wrapped: .transport)
        /// The server asked to come again: 408, 429 or 5xx.
        public static let busy = Code(wrapped: .busy)
        /// Another 4xx: repeating the request would meet it again.
        public static let refused = Code(wrapped: .refused)
        /// 401 or 403.
        public static let unauthorized = Code(wrapped: .unauthorized)
        public static let notFound = Code(wrapped: .notFound)
        /// 412: the lease is somebody else's.
        public static let preconditionFailed = Code(wrapped: .preconditionFailed)
        public static let conflict = Code(wrapped: .conflict)
        /// The server's answer is not what the protocol allows.
        public static let malformed = Code(wrapped: .malformed)
        public static let tooLarge = Code(wrapped: .tooLarge)
        /// The call journal on this host could not be written or read.
        public static let journal = Code(wrapped: .journal)
        public static let cancelled = Code(wrapped: .cancelled)
        public var description: String { wrapped.rawValue }
    }

    public var code: Code
    /// For people; names the remedy where there is one. Never contains secrets.
    public var message: String
    public var cause: (any Error)?
    /// True when the same request may succeed later.
    public var isRetryable: Bool

    public init(_ code: Code, _ message: String, isRetryable: Bool? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
        self.isRetryable = isRetryable ?? (code == .transport || code == .busy)
    }

    public var description: String { "\(code): \(message)" }
}
