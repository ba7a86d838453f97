/// What can go wrong with an archive.
public struct ArchiveFailure: Error, Sendable, CustomStringConvertible {
    /// Stable: tests and metrics use it.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String { case notFound, exists, refused, unreachable, corrupt, files }
        private var wrapped: Wrapped
        public static let notFound = Code(wrapped: .notFound)
        public static let exists = Code(wrapped: .exists)
        /// The store does not want this: a wrong key, a bucket that is not there.
        public static let refused = Code(wrapped: .refused)
        /// The store does not answer, or has too much to do.
        public static let unreachable = Code(wrapped: .unreachable)
        /// What is in the archive is not what was put there.
        public static let corrupt = Code(wrapped: .corrupt)
        /// A file on this host cannot be read or written.
        public static let files = Code(wrapped: .files)
        public var description: String { wrapped.rawValue }
    }
    public var code: Code
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
    public var description: String { "\(code): \(message)" }
}
