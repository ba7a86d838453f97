internal import Wire

extension ModelError {
    /// An error as a Messages endpoint reports it, in a response or inside a stream.
    ///
    /// - Parameters:
    ///   - providerError: the `error` member: `{type, message}`; anything else is read as unknown.
    ///   - status: nil inside a stream.
    ///   - shouldRetry: the provider's own word, from `x-should-retry`; wins over the rules by code.
    ///   - secret: hidden from the message, should the provider repeat it.
    init(
        providerError: JSON, status: Int? = nil, retryAfter: Duration? = nil, shouldRetry: Bool? = nil,
        requestID: String? = nil, secret: Secret? = nil
    ) {
        let type = providerError["type"]?.stringValue ?? ""
        let detail = providerError["message"]?.stringValue ?? ""
        let code = Self.code(type: type, status: status, message: detail)
        var message = Self.summary(of: code)
        if let status { message += " (\(status))" }
        let readable = Self.readable(secret?.redacting(detail) ?? detail)
        if !readable.isEmpty { message += ": " + readable }
        self.init(
            code, message, retryAfter: retryAfter, isRetryable: shouldRetry, status: status, requestID: requestID)
    }

    private static func code(type: String, status: Int?, message: String) -> Code {
        let lower = message.lowercased()
        switch type {
        case "overloaded_error": return .overloaded
        case "rate_limit_error": return .rateLimited
        case "authentication_error", "permission_error": return .authentication
        case "billing_error": return .billing
        case "request_too_large": return .contextTooLong
        case "api_error", "timeout_error": return .requestFailed
        case "invalid_request_error", "not_found_error":
            if tooLongMarks.contains(where: lower.contains) { return .contextTooLong }
            return lower.contains("credit balance") ? .billing : .invalidRequest
        default: break
        }
        switch status {
        case nil: return .requestFailed
        case 401, 403: return .authentication
        case 402: return .billing
        case 408, 409, 425: return .requestFailed
        case 413: return .contextTooLong
        case 429: return .rateLimited
        case 503, 529: return .overloaded
        case .some(let status) where status >= 500: return .requestFailed
        default: return tooLongMarks.contains(where: lower.contains) ? .contextTooLong : .invalidRequest
        }
    }

    /// How endpoints say that a prompt does not fit; they have no error type for it.
    private static let tooLongMarks = [
        "prompt is too long", "exceed context limit", "exceeds the context", "maximum context length", "context window",
    ]

    private static func summary(of code: Code) -> String {
        switch code {
        case .overloaded: "the model provider is overloaded"
        case .rateLimited: "the model provider's rate limit is reached"
        case .authentication: "the model provider does not accept the key"
        case .billing: "the model provider reports a billing problem"
        case .contextTooLong: "the conversation is too long for the model"
        case .invalidRequest: "the model provider refused the request"
        default: "the model request failed"
        }
    }

    /// One line of bounded length.
    private static func readable(_ text: String) -> String {
        let line = text.split { $0.isNewline || $0.asciiValue.map { $0 < 0x20 || $0 == 0x7F } == true }
            .joined(separator: " ")
        return line.count > 500 ? line.prefix(500) + "…" : line
    }
}
