internal import Wire

/// The request that asks a model to summarise its own conversation.
enum CompactionPrompt {
    /// The first word marks the request for back ends that are no language models.
    static let instruction = """
        <perimeter:compact> The conversation is about to be replaced by a summary, because it has grown too long. Write that \
        summary now: the user's goals and constraints, decisions and their reasons, what was done and found (with exact \
        names, paths, commands and values that are needed later), what is in progress, and what remains. Do not call \
        tools. Write only the summary.
        """

    /// The conversation with the instruction as the user's last words.
    static func messages(for conversation: [JSON]) -> [JSON] {
        let block: JSON = ["type": "text", "text": .string(instruction)]
        var messages = conversation
        if let last = messages.last, last["role"] == "user", let content = last["content"]?.arrayValue {
            messages[messages.count - 1]["content"] = .array(content + [block])
        } else {
            messages.append(["role": "user", "content": [block]])
        }
        return messages
    }
}
