public import Wire

/// The messages that the model sees, in the form of the Messages API, built from the log.
///
/// Roles alternate: content of the same role in a row is merged into one message.
public struct Conversation: Sendable, Equatable {
    public private(set) var messages: [JSON] = []

    public init() {}

    public var isEmpty: Bool { messages.isEmpty }
    /// True when the model would have something to answer.
    public var endsWithUser: Bool { messages.last?["role"]?.stringValue == "user" }

    mutating func appendUser(_ blocks: [JSON]) { append(role: "user", blocks) }
    mutating func appendAssistant(_ blocks: [JSON]) { append(role: "assistant", blocks) }

    /// Replaces everything by a summary of it. What the user said last and nobody answered yet stays word for word.
    mutating func replace(withSummary summary: String) {
        let unanswered = endsWithUser ? messages.last?["content"]?.arrayValue ?? [] : []
        messages = []
        appendUser([
            [
                "type": "text",
                "text": .string(
                    "The conversation so far was summarised to save space. Summary:\n\n\(summary)\n\nContinue from here."
                ),
            ]
        ])
        appendUser(unanswered.filter { $0["type"] != "tool_result" })
    }

    private mutating func append(role: String, _ blocks: [JSON]) {
        guard !blocks.isEmpty else { return }
        if let last = messages.last, last["role"]?.stringValue == role, let content = last["content"]?.arrayValue {
            messages[messages.count - 1]["content"] = .array(content + blocks)
        } else {
            messages.append(["role": .string(role), "content": .array(blocks)])
        }
    }
}
