internal import Wire

/// The Claude models known by name when this was written. Listings come from here; any other `claude-*` id is accepted too.
enum ClaudeModels {
    static let all: [ModelInfo] = [
        ModelInfo(id: "claude-fable-5-2", displayName: "Claude Fable 5.2", line: "fable"),
        ModelInfo(id: "claude-opus-5-5", displayName: "Claude Opus 5.5", line: "opus"),
        ModelInfo(id: "claude-sonnet-5-5", displayName: "Claude Sonnet 5.5", line: "sonnet"),
        ModelInfo(id: "claude-haiku-5-5", displayName: "Claude Haiku 5.5", line: "haiku"),
        ModelInfo(id: "claude-fable-5-1", displayName: "Claude Fable 5.1", line: "fable"),
        ModelInfo(id: "claude-fable-5", displayName: "Claude Fable 5", line: "fable"),
        ModelInfo(id: "claude-opus-5", displayName: "Claude Opus 5", line: "opus"),
        ModelInfo(id: "claude-sonnet-5", displayName: "Claude Sonnet 5", line: "sonnet"),
        ModelInfo(id: "claude-opus-4-8", displayName: "Claude Opus 4.8", line: "opus"),
        ModelInfo(id: "claude-opus-4-7", displayName: "Claude Opus 4.7", line: "opus"),
        ModelInfo(id: "claude-opus-4-6", displayName: "Claude Opus 4.6", line: "opus"),
        ModelInfo(id: "claude-sonnet-4-6", displayName: "Claude Sonnet 4.6", line: "sonnet"),
        ModelInfo(
            id: "claude-opus-4-5", displayName: "Claude Opus 4.5", maxInputTokens: 200_000, maxTokens: 64_000,
            line: "opus"),
        ModelInfo(
            id: "claude-haiku-4-5", displayName: "Claude Haiku 4.5", maxInputTokens: 200_000, maxTokens: 64_000,
            line: "haiku", supportsEffort: false),
    ]

    /// Earlier models, whose API refuses `output_config.effort`.
    private static let withoutEffort = ["claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-1", "claude-3"]

    static func accepts(_ id: String) -> Bool { id.hasPrefix("claude-") && id.utf8.count > "claude-".utf8.count }

    static func info(for id: String) -> ModelInfo? {
        if let known = all.first(where: { $0.id == id }) { return known }
        guard accepts(id) else { return nil }
        return ModelInfo(id: id, supportsEffort: !withoutEffort.contains(where: id.hasPrefix))
    }
}
