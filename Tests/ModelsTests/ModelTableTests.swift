import Testing
import Wire

@testable import Models

@Suite struct ModelTableTests {
    private let rehearsal = RehearsalBackend()

    @Test func `the rehearsal model serves its own id and, in its place, every Claude id`() throws {
        let table = ModelTable(default: rehearsal)
        #expect(table.resolve("rehearsal-1")?.info.displayName.contains("not a language model") == true)
        #expect(table.resolve("claude-opus-5")?.info.displayName.contains("not a language model") == true)
        #expect(table.resolve("claude-from-the-future")?.info.id == "claude-from-the-future")
        #expect(table.resolve("claude-") == nil)
        #expect(table.resolve("gpt") == nil)
        #expect(table.resolve("") == nil)
        #expect(table.resolve("claude-opus\u{0A}5") == nil)
        #expect(ModelTable(default: RehearsalBackend(actsForClaude: false)).resolve("claude-opus-5") == nil)
    }

    @Test func `an exact route wins over a pattern, a pattern over the default`() throws {
        let exact = RehearsalBackend(actsForClaude: false, contextWindow: 111)
        let pattern = RehearsalBackend(actsForClaude: true, contextWindow: 222)
        let table = ModelTable(
            routes: [
                ModelRoute(pattern: "claude-*", backend: pattern), ModelRoute(pattern: "claude-opus-5", backend: exact),
                ModelRoute(pattern: "local/qwen3:32b", backend: exact),
            ], default: rehearsal)
        #expect(table.resolve("claude-opus-5")?.info == ModelInfo(id: "claude-opus-5"))
        #expect(table.resolve("claude-sonnet-5")?.info.maxInputTokens == 222)
        #expect(table.resolve("rehearsal-1")?.info.maxInputTokens == 200_000)
        #expect(table.resolve("local/qwen3:32b")?.info.displayName == "local/qwen3:32b")
        let ids = table.models.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(ids.contains("local/qwen3:32b") && ids.contains("claude-opus-5") && ids.contains("rehearsal-1"))
        #expect(table.models.first { $0.id == "claude-opus-5" }?.maxInputTokens == nil)
    }

    @Test func `a listed model has every member of the wire object`() {
        let info = ModelInfo(
            id: "claude-haiku-4-5", displayName: "Claude Haiku 4.5", maxInputTokens: 200_000, maxTokens: 64_000,
            line: "haiku")
        #expect(
            info.json.text
                == #"{"type":"model","id":"claude-haiku-4-5","allowed_fallback_models":null,"capabilities":null,"created_at":"1970-01-01T00:00:00.000000Z","deprecated_at":null,"display_name":"Claude Haiku 4.5","lifecycle":"active","line":"haiku","max_input_tokens":200000,"max_tokens":64000,"retires_at":null}"#
        )
    }

    @Test func `only models whose provider takes an effort are said to`() {
        #expect(ClaudeModels.info(for: "claude-haiku-4-5-20251001")?.supportsEffort == false)
        #expect(ClaudeModels.info(for: "claude-opus-5")?.supportsEffort == true)
        #expect(ClaudeModels.info(for: "llama") == nil)
    }
}
