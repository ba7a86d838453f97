/// Bounds and delays of the loop.
public struct LoopLimits: Sendable, Equatable {
    /// Responses with tool calls in one turn before it ends with `tool_use_limit_reached_error`. 500 by default.
    public var toolRounds: Int
    /// Model requests that may fail in a row before the turn is given up. 5 by default.
    public var attempts: Int
    /// The wait before the first repetition of a failed model request; doubled each time. 500 ms by default.
    public var retryBase: Duration
    /// The longest wait that a model back end's own advice may cause. 60 s by default.
    public var retryMaximum: Duration
    /// Answers cut off by the output limit that are continued in one turn. 4 by default.
    public var continuations: Int
    /// Compactions in one turn before it ends with `compaction_limit_reached_error`. 3 by default.
    public var compactions: Int

    public init(
        toolRounds: Int = 500, attempts: Int = 5, retryBase: Duration = .milliseconds(500),
        retryMaximum: Duration = .seconds(60), continuations: Int = 4, compactions: Int = 3
    ) {
        self.toolRounds = toolRounds
        self.attempts = attempts
        self.retryBase = retryBase
        self.retryMaximum = retryMaximum
        self.continuations = continuations
        self.compactions = compactions
    }
}
