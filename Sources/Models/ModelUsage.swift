public import Wire

/// Tokens that one request used.
public struct ModelUsage: Sendable, Equatable {
    /// Input tokens neither read from nor written to the prompt cache.
    public var inputTokens: Int
    public var outputTokens: Int
    public var cacheReadInputTokens: Int
    public var cacheCreationInputTokens: Int
    /// The part of the cache writes that lives five minutes.
    public var ephemeral5m: Int
    /// The part of the cache writes that lives one hour.
    public var ephemeral1h: Int
    /// `standard` or `fast`, when the provider says so.
    public var speed: String?

    public init(
        inputTokens: Int = 0, outputTokens: Int = 0, cacheReadInputTokens: Int = 0, cacheCreationInputTokens: Int = 0,
        ephemeral5m: Int = 0, ephemeral1h: Int = 0, speed: String? = nil
    ) {
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cacheReadInputTokens = cacheReadInputTokens
        self.cacheCreationInputTokens = cacheCreationInputTokens
        self.ephemeral5m = ephemeral5m
        self.ephemeral1h = ephemeral1h
        self.speed = speed
    }

    /// The size of the prompt, cached or not: what counts against the context window.
    public var promptTokens: Int { Self.sum([inputTokens, cacheReadInputTokens, cacheCreationInputTokens]) }

    /// Takes over what a provider reports; its counts are cumulative, so a later report replaces an earlier one.
    public mutating func merge(_ json: JSON) {
        Self.take(json["input_tokens"], into: &inputTokens)
        Self.take(json["output_tokens"], into: &outputTokens)
        Self.take(json["cache_read_input_tokens"], into: &cacheReadInputTokens)
        Self.take(json["cache_creation_input_tokens"], into: &cacheCreationInputTokens)
        if let creation = json["cache_creation"] {
            Self.take(creation["ephemeral_5m_input_tokens"], into: &ephemeral5m)
            Self.take(creation["ephemeral_1h_input_tokens"], into: &ephemeral1h)
        }
        if let speed = json["speed"]?.stringValue { self.speed = speed }
    }

    /// Counts beyond this are nonsense from a broken peer, and would overflow sums.
    private static let maximum = 1 << 40

    private static func take(_ json: JSON?, into count: inout Int) {
        guard let number = json?.intValue, number >= 0 else { return }
        count = min(number, maximum)
    }
    private static func sum(_ counts: [Int]) -> Int { counts.reduce(0) { $0 + min(max($1, 0), maximum) } }
}
