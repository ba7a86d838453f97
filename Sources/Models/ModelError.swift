/// Why a model call gave no response.
public struct ModelError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure; stable, so that tests, metrics and the retry policy may rely on it.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case overloaded, rateLimited, requestFailed, invalidRequest, authentication, billing, contextTooLong
            case streamBroken, cancelled
        }
        private var wrapped: Wrapped

        /// The provider is out of capacity.
        public static let overloaded = Code(wrapped: .overloaded)
        /// The provider's limit for this key is used up for now.
        public static let rateLimited = Code(wrapped: .rateLimited)
        /// No connection, a time-out, or an internal error of the provider.
        public static let requestFailed = Code(wrapped: .requestFailed)
        /// The provider refuses this request; the same request will be refused again.
        public static let invalidRequest = Code(wrapped: .invalidRequest)
        /// The key is wrong or may not use this model.
        public static let authentication = Code(wrapped: .authentication)
        /// No credit or a spend limit.
        public static let billing = Code(wrapped: .billing)
        /// The conversation does not fit; compaction is the remedy.
        public static let contextTooLong = Code(wrapped: .contextTooLong)
        /// The response began and did not end properly.
        public static let streamBroken = Code(wrapped: .streamBroken)
        /// The calling task was cancelled.
        public static let cancelled = Code(wrapped: .cancelled)

        public var description: String { wrapped.rawValue }
    }

    public var code: Code
    /// For people; contains no secret and no address.
    public var message: String
    /// How long the provider asks to wait.
    public var retryAfter: Duration?
    /// Whether the same request may succeed later.
    public var isRetryable: Bool
    /// The HTTP status, when there was a response.
    public var status: Int?
    /// The provider's id of the request, for its support.
    public var requestID: String?
    public var cause: (any Error)?

    /// - Parameter isRetryable: nil decides by the code.
    public init(
        _ code: Code, _ message: String, retryAfter: Duration? = nil, isRetryable: Bool? = nil, status: Int? = nil,
        requestID: String? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
        self.isRetryable = isRetryable ?? Self.retryable.contains(code)
        self.status = status
        self.requestID = requestID
        self.cause = cause
    }

    public var description: String { "\(code): \(message)" }

    private static let retryable: Set<Code> = [.overloaded, .rateLimited, .requestFailed, .streamBroken]
}
