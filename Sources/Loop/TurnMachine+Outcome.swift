public import Wire

/// Why a model request failed, as far as the loop cares.
public struct ModelFailure: Sendable, Equatable {
    /// `error.type` of the `session.error` event.
    public var type: String
    /// For people; no secrets.
    public var message: String
    public var isRetryable: Bool
    /// The back end's own advice.
    public var retryAfter: Duration?
    public var isContextTooLong: Bool

    public init(
        type: String, message: String, isRetryable: Bool, retryAfter: Duration? = nil, isContextTooLong: Bool = false
    ) {
        self.type = type
        self.message = message
        self.isRetryable = isRetryable
        self.retryAfter = retryAfter
        self.isContextTooLong = isContextTooLong
    }
}

extension TurnMachine {
    /// What follows a failed model request.
    public struct AfterFailure: Sendable, Equatable {
        public var entries: [LoopEntry]
        public var status: SessionStatus
        /// How long to wait before the next attempt; nil when there will be none, or at once.
        public var delay: Duration?
    }

    /// - Parameter jitter: between 0 and 1.
    public func modelFailed(
        _ failure: ModelFailure, _ state: SessionState, span: EventID, _ make: EventFactory, usage: JSON, jitter: Double
    ) -> AfterFailure {
        var note: JSON = [:]
        if failure.isContextTooLong { note["context_too_long"] = true }
        let end = make.spanEnd(of: span, isError: true, usage: TokenUsage(), note: note)
        if failure.isContextTooLong, state.compactions < limits.compactions, state.conversation.messages.count > 1 {
            return AfterFailure(entries: [end], status: .running, delay: nil)
        }
        let attempt = state.attempts + 1
        guard failure.isRetryable, attempt < limits.attempts else {
            let error = make.error(type: failure.type, message: failure.message, retry: "exhausted")
            let flushed = state.queue.filter { $0.event.type != .userInterrupt }.map { make.taken($0.event) }
            return AfterFailure(
                entries: [end, error] + flushed + make.idle(["type": "retries_exhausted"], usage: usage), status: .idle,
                delay: nil)
        }
        let error = make.error(type: failure.type, message: failure.message, retry: "retrying")
        return AfterFailure(
            entries: [end, error] + make.rescheduled(), status: .rescheduling,
            delay: backOff(attempt: attempt, advice: failure.retryAfter, jitter: jitter))
    }

    /// Doubles from the base, plus up to a quarter of jitter; the back end's advice wins when it is longer.
    func backOff(attempt: Int, advice: Duration?, jitter: Double) -> Duration {
        let doubled = limits.retryBase * (1 << min(attempt - 1, 16))
        let jittered = doubled + doubled * (jitter / 4)
        return min(max(jittered, advice ?? .zero), limits.retryMaximum)
    }
}
