/// What can go wrong between a worker and a sandbox.
public struct SandboxError: Error, Sendable, CustomStringConvertible {
    /// Stable: tests and metrics use it.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case unavailable, unsupported, quotaExceeded, timedOut, lost, protocolViolation
            case notInstalled
        }
        private var wrapped: Wrapped
        /// The engine or the host cannot do this now; the message names the remedy.
        public static let unavailable = Code(wrapped: .unavailable)
        /// A security or resource request that the engine cannot honour: refused before anything is created.
        public static let unsupported = Code(wrapped: .unsupported)
        public static let quotaExceeded = Code(wrapped: .quotaExceeded)
        public static let timedOut = Code(wrapped: .timedOut)
        /// The sandbox or its daemon is gone; what ran inside ended with it.
        public static let lost = Code(wrapped: .lost)
        /// The other end sent bytes that the protocol does not allow; the connection was closed.
        public static let protocolViolation = Code(wrapped: .protocolViolation)
        /// The packages of the environment are not there; the message says which and why. It is tried again after a while.
        public static let notInstalled = Code(wrapped: .notInstalled)
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
    public var description: String { "\(code): \(message)" }
}
