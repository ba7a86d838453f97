import Testing
import Wire

@testable import Models

@Suite struct ModelRequestTests {
    @Test func `the body has the members of the Messages API and nothing that was left unsaid`() throws {
        let plain = ModelRequest(model: "m", maxTokens: 10, messages: [["role": "user", "content": "hi"]])
        #expect(
            plain.body(stream: false).text
                == #"{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#)
        let full = ModelRequest(
            model: "m", maxTokens: 10, system: "s", messages: [], tools: [["name": "t"]], effort: "low", speed: "fast",
            inferenceGeo: "eu", extra: ["thinking": ["type": "adaptive"], "output_config": ["format": .null]],
            conversation: "never sent")
        #expect(
            full.body(stream: true).text
                == #"{"model":"m","max_tokens":10,"system":"s","tools":[{"name":"t"}],"messages":[],"output_config":{"effort":"low","format":null},"speed":"fast","inference_geo":"eu","thinking":{"type":"adaptive"},"stream":true}"#
        )
    }

    @Test func `cache marks follow the tools, the system prompt and the last two user turns`() {
        let request = ModelRequest(
            model: "m", maxTokens: 1, system: "be brief",
            messages: [
                ["role": "user", "content": "one"], ["role": "assistant", "content": "a"],
                ["role": "user", "content": "two"], ["role": "assistant", "content": "b"],
                [
                    "role": "user",
                    "content": [["type": "tool_result", "tool_use_id": "x"], ["type": "text", "text": ""]],
                ],
            ], tools: [["name": "a"], ["name": "b"], ["name": "c", "defer_loading": true]])
        let mark: JSON = ["type": "ephemeral"]
        let body = CacheBreakpoints.placed(in: request.body(stream: false))
        #expect(body["tools"]?.arrayValue?.map { $0["cache_control"] ?? .null } == [.null, mark, .null])
        #expect(body["system"] == [["type": "text", "text": "be brief", "cache_control": mark]])
        let messages = body["messages"]?.arrayValue ?? []
        #expect(messages[0]["content"] == "one")
        #expect(messages[2]["content"] == [["type": "text", "text": "two", "cache_control": mark]])
        #expect(messages[4]["content"]?.arrayValue?[0]["cache_control"] == mark)
        #expect(messages[4]["content"]?.arrayValue?[1]["cache_control"] == nil)
    }

    @Test func `marks that are there already count against the provider's limit of four`() {
        let mark: JSON = ["type": "ephemeral"]
        let block: JSON = ["type": "text", "text": "x", "cache_control": mark]
        let request = ModelRequest(
            model: "m", maxTokens: 1, system: [block],
            messages: [["role": "user", "content": [block, block]], ["role": "user", "content": "last"]],
            tools: [["name": "a"], ["name": "b"]])
        let text = CacheBreakpoints.placed(in: request.body(stream: false)).text
        #expect(text.ranges(of: "cache_control").count == CacheBreakpoints.maximum)
        let bare = ModelRequest(model: "m", maxTokens: 1, messages: []).body(stream: false)
        #expect(CacheBreakpoints.placed(in: bare) == bare)
    }

    @Test func `a secret does not print, reflect or survive in messages`() {
        let secret = Secret("sk-very-secret")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect("\(secret) \(String(reflecting: secret)) \(dumped)".contains("very-secret") == false)
        #expect(secret.redacting("key sk-very-secret is bad") == "key ••• is bad")
        let error = ModelError(
            providerError: ["type": "authentication_error", "message": "no such key:\nsk-very-secret"], status: 401,
            secret: secret)
        #expect(error.message == "the model provider does not accept the key (401): no such key: •••")
    }
}
