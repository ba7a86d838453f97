import Models
import Testing
import Wire

@Suite struct RehearsalBackendTests {
    private func failure(_ body: () async throws(ModelError) -> Void) async -> ModelError? {
        do throws(ModelError) {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    @Test func `a plan runs step by step and ends with a summary of the results`() async throws {
        var talk = RehearsalConversation()
        talk.ask(
            """
            Please do this.
            think first look
            say Looking around.
            ```bash
            ls
            echo "done"
            ```
            ```write notes/a.txt
            one
            two
            ```
            tool read {"file_path": "notes/a.txt"}
            say That was it.
            """)
        let last = try await talk.finish()
        #expect(
            talk.outline == [
                #"tool_use: (first look) | Looking around. | bash{"command":"ls\necho \"done\""}"#,
                #"tool_use: write{"file_path":"notes/a.txt","content":"one\ntwo\n"}"#,
                #"tool_use: read{"file_path":"notes/a.txt"}"#,
                """
                end_turn: That was it. | 

                Rehearsed 3 tool calls:
                1. bash: ok
                   bash ran
                2. write: ok
                   write ran
                3. read: ok
                   read ran
                """,
            ])
        #expect(last.stopReason == "end_turn")
        #expect(Set(talk.responses.flatMap(\.content).compactMap { $0["id"]?.stringValue }).count == 3)
    }

    @Test func `failed calls and long results are shown as such`() async throws {
        var talk = RehearsalConversation()
        talk.ask("```bash\nfalse\n```\n```bash\nseq 9\n```")
        try await talk.step { _, _ in ("exit code 1", true) }
        try await talk.step { _, _ in ((1...9).map(String.init).joined(separator: "\n"), false) }
        let text = try await talk.step().text
        #expect(
            text == """
                Rehearsed 2 tool calls, 1 failed:
                1. bash: failed
                   exit code 1
                2. bash: ok
                   1
                   2
                   3
                   4
                   …
                """)
    }

    @Test func `parallel blocks and calls share one response`() async throws {
        var talk = RehearsalConversation()
        talk.tools = [["name": "mcp__db__query"], ["name": "bash"]]
        talk.ask(
            """
            ```bash parallel
            a
            ```
            parallel mcp db.query {"sql": "select 1"}
            parallel tool lookup
            say between
            ```bash timeout_ms=50
            b
            ```
            mcp other.tool.with.dots {}
            """)
        _ = try await talk.finish()
        #expect(
            talk.outline.dropLast() == [
                #"tool_use: bash{"command":"a"} | mcp__db__query{"sql":"select 1"} | lookup{}"#,
                #"tool_use: between | bash{"command":"b","timeout_ms":50}"#,
                #"tool_use: mcp__other__tool.with.dots{}"#,
            ])
    }

    @Test(arguments: ["db.query", "db__query", "db_query", "query"])
    func `an MCP tool is called by the name under which it is offered`(name: String) async throws {
        var talk = RehearsalConversation()
        talk.tools = [["name": .string(name)]]
        talk.ask("mcp db.query {}")
        #expect(try await talk.step().content.first?["name"] == .string(name))
    }

    @Test func `a prompt without directives is answered with the help text`() async throws {
        var talk = RehearsalConversation()
        talk.ask("Hello! Could you tool up? We say hello.\n```python\nbash\n```\ntokens unknown\nmcp nodot {}")
        let response = try await talk.step()
        #expect(response.text == RehearsalBackend.help)
        #expect(response.text.contains("not a language model"))
        var silent = RehearsalConversation()
        #expect(try await silent.step().text == RehearsalBackend.help)
    }

    @Test func `each user message is a plan of its own, and notes are none`() async throws {
        var talk = RehearsalConversation()
        talk.ask("```bash\nfirst\n```")
        _ = try await talk.finish()
        talk.messages.append(["role": "user", "content": [["type": "text", "text": "say second"]]])
        talk.ask("<perimeter:note>the files have changed</perimeter:note>")
        talk.ask("<system>say nothing</system>")
        #expect(try await talk.step().text == "second")
    }

    @Test func `of several texts in one message only the newest is followed`() async throws {
        var talk = RehearsalConversation()
        let texts: [JSON] = ["slow 60000 was interrupted", "say now", "<system>be brief</system>"]
        talk.messages = [["role": "user", "content": .array(texts.map { ["type": "text", "text": $0] })]]
        #expect(try await talk.step().text == "now")
    }

    @Test func `a request to go on after a cut answer does not end the plan`() async throws {
        var talk = RehearsalConversation()
        talk.ask("```bash\na\n```\nsay one\nmax_tokens\nsay two\nmax_tokens\n```bash\nb\n```")
        try await talk.step()
        try await talk.step()
        talk.ask("Continue where you stopped.")
        #expect(try await talk.step().text == "two")
        talk.ask("Continue where you stopped.")
        #expect(try await talk.step().content.first?["input"] == ["command": "b"])
        #expect(try await talk.step().text.hasPrefix("Rehearsed 2 tool calls"))
        talk.ask("Thanks.")
        #expect(try await talk.step().text == RehearsalBackend.help)
    }

    @Test func `a failure is counted on when a compaction has changed the messages`() async throws {
        var talk = RehearsalConversation()
        talk.ask("fail context_too_long\nsay fits")
        let error = await failure { () async throws(ModelError) in try await talk.step() }
        #expect(error?.code == .contextTooLong)
        talk.messages.insert(["role": "user", "content": "Summary: nothing"], at: 0)
        #expect(try await talk.step().text == "fits")
    }

    @Test func `tool results beside a new prompt belong to the old one`() async throws {
        var talk = RehearsalConversation()
        talk.ask("```bash\nfirst\n```")
        try await talk.step()
        guard case .array(let blocks)? = talk.messages.removeLast()["content"] else { return }
        talk.messages.append(["role": "user", "content": .array(blocks + [["type": "text", "text": "say new"]])])
        #expect(try await talk.step().text == "new")
    }

    @Test func `failures come as often as asked, for each conversation and each time anew`() async throws {
        var talk = RehearsalConversation()
        talk.ask("fail overloaded 2\nfail invalid\nsay worked")
        for _ in 0..<2 {
            for code in [ModelError.Code.overloaded, .overloaded, .invalidRequest] {
                let error = await failure { () async throws(ModelError) in
                    _ = try await talk.backend.respond(to: talk.request) { _ in }
                }
                #expect(error?.code == code)
                #expect(error?.isRetryable == (code == .overloaded))
            }
            #expect(try await talk.backend.respond(to: talk.request) { _ in }.text == "worked")
        }
        var other = talk
        other.conversation = "sthr_other"
        let error = await failure { () async throws(ModelError) in try await other.step() }
        #expect(error?.code == .overloaded)
    }

    @Test func `a broken stream shows a part of the response and no end`() async throws {
        var talk = RehearsalConversation()
        talk.ask("fail break\nsay a rather long text that takes several pieces to send")
        let recorder = EventRecorder()
        let error = await failure { () async throws(ModelError) in
            _ = try await talk.backend.respond(to: talk.request) { recorder.record($0) }
        }
        #expect(error?.code == .streamBroken)
        let seen = recorder.text(of: 0)
        let whole = try await talk.step().text
        #expect(!seen.isEmpty && whole.hasPrefix(seen) && seen != whole)
        #expect(!recorder.events.contains { if case .finished = $0 { true } else { false } })
    }

    @Test func `refusals, token limits and token counts are reported as a provider does`() async throws {
        var talk = RehearsalConversation()
        talk.ask("tokens 190000\n```bash\na\n```\nsay cut\nmax_tokens\nsay I must not\nrefuse cyber\nsay never")
        try await talk.step()
        #expect(talk.responses[0].usage.inputTokens == 190_000)
        try await talk.step()
        #expect(talk.responses[1].stopReason == "max_tokens")
        #expect(talk.responses[1].text == "cut")
        #expect(talk.responses[1].usage.inputTokens < 1000)
        let last = try await talk.step()
        #expect(last.stopReason == "refusal")
        #expect(last.text == "I must not")
        #expect(last.stopDetails?["category"] == "cyber")
    }

    @Test func `a botched input reaches the loop as a reason, not as a call`() async throws {
        var talk = RehearsalConversation()
        talk.ask("tool bash {\"command\": ")
        let response = try await talk.step()
        let id = try #require(response.content.first?["id"]?.stringValue)
        #expect(response.content.first?["input"] == [:])
        #expect(response.malformedToolInputs[id]?.hasPrefix("not valid JSON") == true)
    }

    @Test func `events add up to the response, and the same request gives the same one`() async throws {
        var talk = RehearsalConversation()
        talk.ask("say \(String(repeating: "wörds ", count: 900))\ntool bash {\"command\":\"ls\"}")
        let recorder = EventRecorder()
        let response = try await talk.backend.respond(to: talk.request) { recorder.record($0) }
        #expect(recorder.text(of: 0) == response.content[0]["text"]?.stringValue)
        let input = recorder.events.map { if case .inputDelta(1, let text) = $0 { text } else { "" } }.joined()
        #expect(input == #"{"command":"ls"}"#)
        #expect(recorder.events.first == .started(ModelUsage(inputTokens: response.usage.inputTokens)))
        #expect(recorder.events.last == .finished(response))
        #expect(try await RehearsalBackend().respond(to: talk.request) { _ in } == response)
        #expect(response.usage.outputTokens > 0)
    }

    @Test func `slow text comes word by word with its pauses, and cancelling stops it`() async throws {
        let clock = CountingClock()
        var talk = RehearsalConversation(backend: RehearsalBackend(clock: clock))
        talk.ask("slow 250 one two  three")
        let recorder = EventRecorder()
        _ = try await talk.backend.respond(to: talk.request) { recorder.record($0) }
        let deltas = recorder.events.compactMap { if case .textDelta(_, let text) = $0 { text } else { nil } }
        #expect(deltas == ["one ", "two  ", "three"])
        #expect(clock.slept == [.milliseconds(250), .milliseconds(250), .milliseconds(250)])

        talk = RehearsalConversation()
        talk.ask("slow 60000 never ends")
        let request = talk.request
        let backend = talk.backend
        let (started, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let code = await withTaskGroup(of: ModelError.Code?.self) { group in
            group.addTask {
                do throws(ModelError) {
                    _ = try await backend.respond(to: request) { _ in _ = signal.yield() }
                    return nil
                } catch {
                    return error.code
                }
            }
            for await _ in started { break }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(code == .cancelled)
    }

    @Test func `a prompt above the context window is refused`() async throws {
        var talk = RehearsalConversation(backend: RehearsalBackend(contextWindow: 100))
        talk.ask("say " + String(repeating: "x", count: 500))
        let error = await failure { () async throws(ModelError) in try await talk.step() }
        #expect(error?.code == .contextTooLong)
        #expect(error?.isRetryable == false)
    }
}
