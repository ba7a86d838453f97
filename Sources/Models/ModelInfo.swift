public import Wire

/// What the server tells about a model, and what the agent loop needs to know of it.
public struct ModelInfo: Sendable, Equatable {
    public var id: String
    public var displayName: String
    /// The epoch when the release date is not known, as the public API does.
    public var createdAt: Timestamp
    /// The context window.
    public var maxInputTokens: Int?
    /// The largest `max_tokens` the model takes.
    public var maxTokens: Int?
    /// `haiku`, `sonnet`, `opus`, `fable`, `mythos`, or nil.
    public var line: String?
    /// `active`, `deprecated` or `retired`.
    public var lifecycle: String
    /// The effort an agent gets that names none.
    public var defaultEffort: String
    /// False for models whose provider refuses an effort; none is sent then.
    public var supportsEffort: Bool

    public init(
        id: String, displayName: String? = nil, createdAt: Timestamp = Timestamp(microseconds: 0),
        maxInputTokens: Int? = nil, maxTokens: Int? = nil, line: String? = nil, lifecycle: String = "active",
        defaultEffort: String = "high", supportsEffort: Bool = true
    ) {
        self.id = id
        self.displayName = displayName ?? id
        self.createdAt = createdAt
        self.maxInputTokens = maxInputTokens
        self.maxTokens = maxTokens
        self.line = line
        self.lifecycle = lifecycle
        self.defaultEffort = defaultEffort
        self.supportsEffort = supportsEffort
    }

    /// The object of `GET /v1/models` (reference api-core §9.5); every member is always present.
    public var json: JSON {
        [
            "type": "model", "id": .string(id), "allowed_fallback_models": .null, "capabilities": .null,
            "created_at": JSON(createdAt), "deprecated_at": .null, "display_name": .string(displayName),
            "lifecycle": .string(lifecycle), "line": JSON(line),
            "max_input_tokens": maxInputTokens.map { JSON($0) } ?? .null,
            "max_tokens": maxTokens.map { JSON($0) } ?? .null, "retires_at": .null,
        ]
    }
}
