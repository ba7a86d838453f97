internal import Wire

/// One content block while its deltas arrive.
struct MessageStreamBlock {
    let index: Int
    /// The block as opened, and as it is to be sent back once complete.
    private(set) var json: JSON
    private(set) var isComplete = false
    /// Why the input of this tool call is unusable.
    private(set) var malformedInput: String?
    /// Deltas of members that grow by concatenation: `text`, `thinking`, `signature`, `content`.
    private var grown: [(member: String, text: String)] = []
    private var input: String?
    private var citations: [JSON] = []

    init(index: Int, opening: JSON) {
        self.index = index
        json = opening
    }

    /// Takes a delta; nil when receivers need not hear of it.
    mutating func append(_ delta: JSON) -> ModelEvent? {
        switch delta["type"]?.stringValue {
        case "text_delta":
            return grow("text", delta["text"]).map { .textDelta(index: index, text: $0) }
        case "thinking_delta":
            return grow("thinking", delta["thinking"]).map { .thinkingDelta(index: index, text: $0) }
        case "signature_delta":
            _ = grow("signature", delta["signature"])
            return nil
        case "compaction_delta":
            _ = grow("content", delta["content"])
            return nil
        case "input_json_delta":
            guard let piece = delta["partial_json"]?.stringValue else { return nil }
            input = (input ?? "") + piece
            return piece.isEmpty ? nil : .inputDelta(index: index, text: piece)
        case "citations_delta":
            if let citation = delta["citation"] { citations.append(citation) }
            return nil
        default: return nil
        }
    }

    mutating func complete() {
        isComplete = true
        for (member, text) in grown { json[member] = .string((json[member]?.stringValue ?? "") + text) }
        if !citations.isEmpty { json["citations"] = .array((json["citations"]?.arrayValue ?? []) + citations) }
        if let input, !input.isEmpty {
            let parsed = ToolInput(parsing: input)
            json["input"] = parsed.value
            malformedInput = parsed.malformed
        } else if json["type"] == "tool_use", json["input"]?.objectValue == nil {
            json["input"] = [:]
        }
    }

    private mutating func grow(_ member: String, _ piece: JSON?) -> String? {
        guard let piece = piece?.stringValue, !piece.isEmpty else { return nil }
        if let position = grown.firstIndex(where: { $0.member == member }) {
            grown[position].text += piece
        } else {
            grown.append((member, piece))
        }
        return piece
    }
}
