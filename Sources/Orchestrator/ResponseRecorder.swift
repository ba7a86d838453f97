internal import Loop
internal import Models
internal import Wire

/// Turns a model's response into the events of the log. Pure.
struct ResponseRecorder {
    let make: EventFactory
    let tools: ToolCatalog
    let messageID: EventID
    let thinkingID: EventID

    /// Thinking, message, tool uses, and the span's end, in their normative order (reference api-core §4.4).
    func entries(of response: ModelResponse, span: EventID) -> [LoopEntry] {
        var entries: [LoopEntry] = []
        var text: [JSON] = []
        var uses: [LoopEntry] = []
        var hasThinking = false
        for block in response.content {
            switch block["type"]?.stringValue {
            case "text":
                if let words = block["text"]?.stringValue, !words.isEmpty {
                    text.append(["type": "text", "text": .string(words)])
                }
            case "thinking", "redacted_thinking": hasThinking = true
            case "tool_use": uses += toolUse(block, malformed: response.malformedToolInputs)
            default: break
            }
        }
        if hasThinking { entries.append(LoopEntry(make.event(.agentThinking, id: thinkingID))) }
        if !text.isEmpty {
            entries.append(LoopEntry(make.event(.agentMessage, ["content": .array(text)], id: messageID)))
        }
        let usage = TokenUsage(response.usage)
        var note: JSON = [
            "content": .array(response.content), "stop_reason": .string(response.stopReason),
            "context_tokens": JSON(response.usage.promptTokens + response.usage.outputTokens),
        ]
        if let details = response.stopDetails { note["stop_details"] = details }
        return entries + uses + [make.spanEnd(of: span, isError: false, usage: usage, note: note)]
    }

    private func toolUse(_ block: JSON, malformed: [String: String]) -> [LoopEntry] {
        let name = block["name"]?.stringValue ?? ""
        let modelID = block["id"]?.stringValue ?? ""
        let input = block["input"] ?? [:]
        let note: JSON = ["model_id": .string(modelID)]
        if let reason = malformed[modelID] {
            let use = make.event(
                .agentToolUse, ["name": .string(name), "input": [:], "evaluated_permission": "deny"])
            return [
                LoopEntry(use, note: note),
                make.failedResult(
                    of: use.id, kind: .sandbox, "The input of this call is unusable (\(reason)). Call the tool again."),
            ]
        }
        switch tools.judge(name, input: input) {
        case .custom:
            let fields: JSON.Object = ["name": .string(name), "input": input]
            return [LoopEntry(make.event(.agentCustomToolUse, fields), note: note)]
        case .builtin(let permission, let evaluation):
            var fields: JSON.Object = [
                "name": .string(name), "input": input, "evaluated_permission": .string(permission),
            ]
            if let evaluation { fields["evaluation"] = evaluation }
            return [LoopEntry(make.event(.agentToolUse, fields), note: note)]
        }
    }
}
