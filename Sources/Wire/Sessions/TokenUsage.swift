/// Tokens used by model requests; sums over all of a session's requests (reference api-core §3.5).
public struct TokenUsage: Sendable, Equatable {
    public var input = 0
    public var output = 0
    public var cacheRead = 0
    public var cacheCreation5m = 0
    public var cacheCreation1h = 0

    public init(input: Int = 0, output: Int = 0, cacheRead: Int = 0, cacheCreation5m: Int = 0, cacheCreation1h: Int = 0)
    {
        self.input = input
        self.output = output
        self.cacheRead = cacheRead
        self.cacheCreation5m = cacheCreation5m
        self.cacheCreation1h = cacheCreation1h
    }

    public static func += (left: inout TokenUsage, right: TokenUsage) {
        left.input += right.input
        left.output += right.output
        left.cacheRead += right.cacheRead
        left.cacheCreation5m += right.cacheCreation5m
        left.cacheCreation1h += right.cacheCreation1h
    }

    /// `SessionUsage` and `SessionUsageSnapshot` on the wire.
    public func json(activeSeconds: Double) -> JSON {
        [
            "input_tokens": JSON(input), "output_tokens": JSON(output), "cache_read_input_tokens": JSON(cacheRead),
            "cache_creation": [
                "ephemeral_1h_input_tokens": JSON(cacheCreation1h), "ephemeral_5m_input_tokens": JSON(cacheCreation5m),
            ],
            "active_seconds": .double(activeSeconds),
        ]
    }

    /// `SpanModelUsage` on the wire.
    public var spanJSON: JSON {
        [
            "input_tokens": JSON(input), "output_tokens": JSON(output), "cache_read_input_tokens": JSON(cacheRead),
            "cache_creation_input_tokens": JSON(cacheCreation5m + cacheCreation1h),
        ]
    }

    /// Reads back what ``json(activeSeconds:)`` wrote; absent members count as zero.
    public init(json: JSON) {
        self.init(
            input: json["input_tokens"]?.intValue ?? 0, output: json["output_tokens"]?.intValue ?? 0,
            cacheRead: json["cache_read_input_tokens"]?.intValue ?? 0,
            cacheCreation5m: json["cache_creation"]?["ephemeral_5m_input_tokens"]?.intValue ?? 0,
            cacheCreation1h: json["cache_creation"]?["ephemeral_1h_input_tokens"]?.intValue ?? 0)
    }
}
