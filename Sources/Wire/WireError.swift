/// An error as the public API shows it: an HTTP status, a stable type, a message for people (reference api-core §0.8).
///
/// Everything below the HTTP layer that must be told to a client throws this; anything else becomes a 500 without detail.
public struct WireError: Error, Sendable, CustomStringConvertible {
    public var status: Int
    /// `error.type` on the wire, one of the SDK's closed list.
    public var type: String
    /// For people; names the field or the remedy. Never contains secrets.
    public var message: String
    /// `error.details` on the wire: an object with `error_code` when the SDK knows a class for it.
    public var details: JSON?
    /// The value of `x-should-retry`; nil leaves the decision to the client's status rules.
    public var shouldRetry: Bool?
    /// The value of `retry-after`, in seconds.
    public var retryAfter: Int?

    public init(
        status: Int, type: String, message: String, details: JSON? = nil, shouldRetry: Bool? = nil,
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.type = type
        self.message = message
        self.details = details
        self.shouldRetry = shouldRetry
        self.retryAfter = retryAfter
    }

    public var description: String { "\(status) \(type): \(message)" }

    /// The body that goes out; `requestID` repeats the `request-id` header.
    public func body(requestID: RequestID) -> JSON {
        var error: JSON = ["type": .string(type), "message": .string(message)]
        if let details { error["details"] = details }
        return ["type": "error", "error": error, "request_id": .string(requestID.rawValue)]
    }

    public static func invalid(_ message: String, code: String? = nil) -> WireError {
        WireError(
            status: 400, type: "invalid_request_error", message: message,
            details: code.map { ["error_code": .string($0)] })
    }
    public static func unauthenticated(_ message: String) -> WireError {
        WireError(status: 401, type: "authentication_error", message: message)
    }
    public static func forbidden(_ message: String, code: String? = nil) -> WireError {
        WireError(
            status: 403, type: "permission_error", message: message, details: code.map { ["error_code": .string($0)] })
    }
    public static func notFound(_ message: String) -> WireError {
        WireError(status: 404, type: "not_found_error", message: message)
    }
    /// A conflict that a repeated request would meet again, so the SDK is told not to retry it (reference api-core §0.9).
    public static func conflict(_ message: String) -> WireError {
        WireError(status: 409, type: "conflict_error", message: message, shouldRetry: false)
    }
    public static func tooLarge(_ message: String) -> WireError {
        WireError(status: 413, type: "request_too_large", message: message)
    }
    public static func unavailable(_ message: String, retryAfter: Int = 1) -> WireError {
        WireError(status: 503, type: "overloaded_error", message: message, retryAfter: retryAfter)
    }
}
