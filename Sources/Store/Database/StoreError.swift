/// A failure of the store itself; what a client did wrong is a `WireError` instead.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String { case overloaded, failed, corrupt, fenced, closed }
        private var wrapped: Wrapped
        /// Too many writes are waiting; try again later.
        public static let overloaded = Code(wrapped: .overloaded)
        /// The database refused a statement or a commit; nothing of the transaction was stored.
        public static let failed = Code(wrapped: .failed)
        /// Stored bytes are not what this version writes.
        public static let corrupt = Code(wrapped: .corrupt)
        /// The caller's lease has been taken over: a newer fencing number exists.
        public static let fenced = Code(wrapped: .fenced)
        public static let closed = Code(wrapped: .closed)
        public var description: String { wrapped.rawValue }
    }
    public var code: Code
    public var message: String
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
    public var description: String { "\(code): \(message)" + (cause.map { " (\($0))" } ?? "") }
}
