/// A failure that a rehearsal plan asks for with `fail NAME [n]`.
enum RehearsalFailure: String, CaseIterable {
    case overloaded, invalid, authentication, billing
    case rateLimited = "rate_limited"
    case requestFailed = "request_failed"
    case contextTooLong = "context_too_long"
    /// The stream ends in the middle of the response.
    case broken = "break"

    var error: ModelError {
        switch self {
        case .overloaded: ModelError(.overloaded, "rehearsed: the model is overloaded", status: 529)
        case .rateLimited: ModelError(.rateLimited, "rehearsed: rate limit reached", status: 429)
        case .requestFailed: ModelError(.requestFailed, "rehearsed: the model request failed", status: 500)
        case .invalid: ModelError(.invalidRequest, "rehearsed: the request is invalid", status: 400)
        case .authentication: ModelError(.authentication, "rehearsed: the key is not accepted", status: 401)
        case .billing: ModelError(.billing, "rehearsed: the credit is used up", status: 402)
        case .contextTooLong: ModelError(.contextTooLong, "rehearsed: the prompt is too long", status: 400)
        case .broken: ModelError(.streamBroken, "rehearsed: the response stopped half-way")
        }
    }
}
