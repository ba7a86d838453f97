import Models
import Testing
import Wire

@Suite struct RehearsalCompactionTests {
    private let plan = "```bash\na\n```\n```bash\nb\n```\n```bash\nc\n```\nsay end"

    /// The summary of a conversation, as the loop asks for it.
    private func summary(of talk: RehearsalConversation) async throws -> String {
        var talk = talk
        talk.ask("<perimeter:compact>Summarise the conversation.")
        let response = try await talk.backend.respond(to: talk.request) { _ in }
        #expect(response.stopReason == "end_turn")
        return response.text
    }

    @Test func `a summary carries the plan on, so that no step is lost or doubled`() async throws {
        var talk = RehearsalConversation()
        talk.ask(plan)
        try await talk.step()
        try await talk.step()
        let text = try await summary(of: talk)
        #expect(text.hasPrefix("Summary of 6 messages by the rehearsal model (not a language model)."))
        #expect(text.contains("2. bash: ok"))

        var next = RehearsalConversation()
        next.ask("This conversation was compacted.\n\n" + text)
        _ = try await next.finish()
        #expect(next.outline.first == #"tool_use: bash{"command":"c"}"#)
        #expect(next.outline.count == 2)
        #expect(next.outline.last?.contains("Rehearsed 3 tool calls:\n(2 before the compaction)\n3. bash: ok") == true)
    }

    @Test func `the plan goes on when the loop keeps the prompt or the newest messages beside the summary`()
        async throws
    {
        var talk = RehearsalConversation()
        talk.ask(plan)
        try await talk.step()
        try await talk.step()
        let text = try await summary(of: talk)

        var withPrompt = RehearsalConversation()
        withPrompt.ask(text)
        withPrompt.ask(plan)
        #expect(try await withPrompt.step().content.first?["input"] == ["command": "c"])

        var withTail = RehearsalConversation()
        withTail.ask("<perimeter:summary>\(text)</perimeter:summary>")
        withTail.messages += talk.messages.suffix(2)
        #expect(try await withTail.step().content.first?["input"] == ["command": "c"])
    }

    @Test func `a second compaction keeps the count`() async throws {
        var talk = RehearsalConversation()
        talk.ask(plan)
        try await talk.step()
        var second = RehearsalConversation()
        second.ask(try await summary(of: talk))
        try await second.step()
        var third = RehearsalConversation()
        third.ask(try await summary(of: second))
        #expect(try await third.step().content.first?["input"] == ["command": "c"])
        #expect(try await third.step().stopReason == "end_turn")
    }

    @Test func `a finished plan is not taken up again`() async throws {
        var talk = RehearsalConversation()
        talk.ask(plan)
        _ = try await talk.finish()
        let text = try await summary(of: talk)
        #expect(!text.contains("<rehearsal:continue"))
        var next = RehearsalConversation()
        next.ask(text)
        next.ask("say fresh")
        #expect(try await next.step().text == "fresh")
    }

    @Test func `the request for a summary may stand beside tool results`() async throws {
        var talk = RehearsalConversation()
        talk.ask(plan)
        try await talk.step()
        guard case .array(let blocks)? = talk.messages.removeLast()["content"] else { return }
        let question: JSON = ["type": "text", "text": "<perimeter:compact>"]
        talk.messages.append(["role": "user", "content": .array(blocks + [question])])
        let text = try await talk.backend.respond(to: talk.request) { _ in }.text
        #expect(text.contains("calls=\"1\""))
    }
}
