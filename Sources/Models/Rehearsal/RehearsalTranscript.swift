internal import Wire

/// What the rehearsal model reads from a conversation: the prompt it follows and how far it has come.
struct RehearsalTranscript: Equatable {
    struct Call: Equatable {
        var id: String
        var name: String
        var result: String?
        var isError = false
    }

    /// The text whose plan is being followed.
    private(set) var prompt = ""
    /// The tool calls made since the prompt and still to be seen, oldest first.
    private(set) var calls: [Call] = []
    /// Tool calls made since the prompt that a compaction took out of sight.
    private(set) var forgottenCalls = 0
    /// The assistant's texts since the prompt.
    private(set) var answers: [String] = []
    /// The request asks for a summary of the conversation.
    private(set) var isCompaction = false
    /// The last message is a final answer to the prompt.
    private(set) var isAnswered = false

    /// Texts that begin so come from the server: notes about the conversation, never prompts.
    private static let notePrefixes = ["<perimeter:", "<system>"]
    private static let compactPrefix = "<perimeter:compact>"

    init(_ messages: [JSON]) {
        let last = messages.last.map { $0["role"] == "user" ? Self.texts(of: $0) : [] } ?? []
        isCompaction = last.contains { $0.hasPrefix(Self.compactPrefix) }
        let spoken = Self.spoken(in: messages)
        let answered = spoken.last.flatMap { messages[..<$0.index].last }.map { Self.texts(of: $0).joined() }
        let start = Self.start(of: spoken, after: answered ?? "")
        prompt = start?.text ?? ""
        for message in messages[(start.map { $0.index + 1 } ?? 0)...] { readStep(message) }
        // Without a prompt in sight, everything the assistant did since belongs to the plan that the marker carries.
        let candidates = start.map { messages[...$0.index] } ?? messages.filter { $0["role"] != "assistant" }[...]
        if let marker = Self.marker(in: candidates) { resume(marker) }
    }

    /// What the user said, one text for each message: the newest, since those before it in the same message were
    /// given up without an answer.
    static func spoken(in messages: [JSON]) -> [(index: Int, text: String)] {
        messages.enumerated().compactMap { index, message in
            guard message["role"] == "user" else { return nil }
            let text = texts(of: message).last { text in !notePrefixes.contains(where: text.hasPrefix) }
            return text.map { (index, $0) }
        }
    }

    /// The prompt that is being followed: the newest, unless that only asks to go on after an answer that the plan before
    /// it cut off at `max_tokens`.
    private static func start(
        of spoken: [(index: Int, text: String)], after answer: String
    ) -> (index: Int, text: String)? {
        guard let newest = spoken.last, !RehearsalPlan(prompt: newest.text).hasDirectives else { return spoken.last }
        for earlier in spoken.dropLast().reversed() {
            let plan = RehearsalPlan(prompt: earlier.text)
            guard plan.hasDirectives else { continue }
            let wasCutOff = plan.turns.contains { $0.ending == .maxTokens && $0.text == answer }
            return wasCutOff ? earlier : newest
        }
        return newest
    }

    /// All calls since the prompt.
    var callCount: Int { forgottenCalls + calls.count }

    private mutating func readStep(_ message: JSON) {
        let blocks = message["content"]?.arrayValue ?? []
        guard message["role"] == "assistant" else {
            for block in blocks where block["type"] == "tool_result" || block["type"] == "mcp_tool_result" {
                guard let index = calls.firstIndex(where: { .string($0.id) == block["tool_use_id"] }) else { continue }
                calls[index].result = Self.resultText(block)
                calls[index].isError = block["is_error"] == true
            }
            return
        }
        let uses = blocks.filter { $0["type"] == "tool_use" || $0["type"] == "mcp_tool_use" }
        for use in uses {
            calls.append(Call(id: use["id"]?.stringValue ?? "", name: use["name"]?.stringValue ?? ""))
        }
        let texts = Self.texts(of: message)
        if !texts.isEmpty { answers.append(texts.joined()) }
        isAnswered = uses.isEmpty
    }

    private mutating func resume(_ marker: RehearsalMarker) {
        let spoken = RehearsalMarker.removed(from: prompt)
        let plan = RehearsalPlan(prompt: spoken)
        guard !plan.hasDirectives || plan == RehearsalPlan(prompt: marker.prompt) else { return }
        prompt = marker.prompt
        // Calls that the marker counts may still be in sight when the newest messages were kept beside the summary.
        let counted = calls.firstIndex { $0.id == marker.lastCall }.map { $0 + 1 } ?? 0
        forgottenCalls = max(0, marker.calls - counted)
    }

    /// The newest marker after which the assistant has not spoken.
    private static func marker(in messages: ArraySlice<JSON>) -> RehearsalMarker? {
        for message in messages.reversed() {
            guard message["role"] != "assistant" else { return nil }
            for text in texts(of: message).reversed() {
                if let marker = RehearsalMarker(in: text) { return marker }
            }
        }
        return nil
    }

    static func texts(of message: JSON) -> [String] {
        if let text = message["content"]?.stringValue { return text.isEmpty ? [] : [text] }
        return (message["content"]?.arrayValue ?? []).compactMap { block in
            guard block["type"] == "text", let text = block["text"]?.stringValue, !text.isEmpty else { return nil }
            return text
        }
    }

    private static func resultText(_ block: JSON) -> String {
        if let text = block["content"]?.stringValue { return text }
        return (block["content"]?.arrayValue ?? []).map { part in
            part["text"]?.stringValue ?? "[\(part["type"]?.stringValue ?? "block")]"
        }.joined(separator: "\n")
    }
}
