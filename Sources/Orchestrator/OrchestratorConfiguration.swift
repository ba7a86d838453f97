public import Loop

/// Settings of the orchestrator.
public struct OrchestratorConfiguration: Sendable {
    /// Bounds and delays of the loop itself.
    public var limits: LoopLimits
    /// How long a session stays taken without a sign of life of its process. 30 s by default.
    public var leaseTime: Duration
    /// How long a driver keeps an idle session's state in memory before it lets go. 20 s by default.
    public var linger: Duration
    /// Sessions driven at once by this process; more wait in the store. 2 048 by default.
    public var activeSessions: Int
    /// The largest request in tokens before the context is compacted; nil takes four fifths of the model's window.
    public var compactionTokens: Int?
    /// The most tokens of one answer. 32 000 by default, never more than the model takes.
    public var outputTokens: Int
    /// How often an item may lose its worker before its calls end with an error. 5 by default.
    public var lostLeases: Int

    public init(
        limits: LoopLimits = LoopLimits(), leaseTime: Duration = .seconds(30), linger: Duration = .seconds(20),
        activeSessions: Int = 2048, compactionTokens: Int? = nil, outputTokens: Int = 32_000, lostLeases: Int = 5
    ) {
        self.limits = limits
        self.leaseTime = leaseTime
        self.linger = linger
        self.activeSessions = activeSessions
        self.compactionTokens = compactionTokens
        self.outputTokens = outputTokens
        self.lostLeases = lostLeases
    }
}
