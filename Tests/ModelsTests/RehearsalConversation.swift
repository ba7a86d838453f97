import Models
import Wire

/// Plays the part of the agent loop against the rehearsal model: runs its calls with canned results until it is done.
struct RehearsalConversation {
    var backend = RehearsalBackend()
    var messages: [JSON] = []
    var tools: [JSON] = []
    var conversation: String? = "sthr_test"
    /// The responses so far, oldest first.
    private(set) var responses: [ModelResponse] = []

    mutating func ask(_ prompt: String) { messages.append(["role": "user", "content": .string(prompt)]) }

    var request: ModelRequest {
        ModelRequest(model: "rehearsal-1", messages: messages, tools: tools, conversation: conversation)
    }

    /// One response; its tool calls are answered by `result`.
    @discardableResult
    mutating func step(
        result: (_ name: String, _ input: JSON) -> (text: String, isError: Bool) = { name, _ in ("\(name) ran", false) }
    ) async throws(ModelError) -> ModelResponse {
        let response = try await backend.respond(to: request) { _ in }
        responses.append(response)
        messages.append(response.message)
        let results = response.content.filter { $0["type"] == "tool_use" }.map { use -> JSON in
            let outcome = result(use["name"]?.stringValue ?? "", use["input"] ?? .null)
            return [
                "type": "tool_result", "tool_use_id": use["id"] ?? .null,
                "content": [["type": "text", "text": .string(outcome.text)]], "is_error": .bool(outcome.isError),
            ]
        }
        if !results.isEmpty { messages.append(["role": "user", "content": .array(results)]) }
        return response
    }

    /// Steps until the model stops calling tools, at most `limit` times.
    mutating func finish(limit: Int = 20) async throws(ModelError) -> ModelResponse {
        for _ in 0..<limit {
            let response = try await step()
            if response.stopReason != "tool_use" { return response }
        }
        throw ModelError(.invalidRequest, "the plan has more steps than the test allows")
    }

    /// Each response as `stop reason: content kinds and words`.
    var outline: [String] {
        responses.map { response in
            let parts = response.content.map { block in
                switch block["type"] {
                case "tool_use": "\(block["name"]?.stringValue ?? "")\(block["input"]?.text ?? "")"
                case "thinking": "(\(block["thinking"]?.stringValue ?? ""))"
                default: block["text"]?.stringValue ?? "?"
                }
            }
            return "\(response.stopReason): " + parts.joined(separator: " | ")
        }
    }
}
