public import Wire

/// A complete answer of a model.
public struct ModelResponse: Sendable, Equatable {
    /// The provider's id of the message.
    public var id: String
    /// The assistant's content blocks in order, as they are to be sent back in the next request. Empty text blocks, which
    /// providers refuse, are left out.
    public var content: [JSON]
    /// `end_turn`, `tool_use`, `max_tokens`, `refusal`, `pause_turn`, … An open set.
    public var stopReason: String
    /// What the provider says about a refusal.
    public var stopDetails: JSON?
    public var usage: ModelUsage
    /// Tool calls whose input was not a JSON object, by tool use id, each with the reason. Such a call must not run: its
    /// block has `input: {}`, and the reason belongs into an error tool result.
    public var malformedToolInputs: [String: String]

    public init(
        id: String = "", content: [JSON], stopReason: String, stopDetails: JSON? = nil,
        usage: ModelUsage = ModelUsage(),
        malformedToolInputs: [String: String] = [:]
    ) {
        self.id = id
        self.content = content
        self.stopReason = stopReason
        self.stopDetails = stopDetails
        self.usage = usage
        self.malformedToolInputs = malformedToolInputs
    }

    /// The message to append to the conversation.
    public var message: JSON { ["role": "assistant", "content": .array(content)] }

    /// All text of the response, blocks joined.
    public var text: String {
        content.filter { $0["type"] == "text" }.compactMap { $0["text"]?.stringValue }.joined()
    }
}
