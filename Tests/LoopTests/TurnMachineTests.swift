import Loop
import Testing
import Wire

@Suite struct TurnMachineTests {
    @Test func `a message opens a turn, and its answer ends it in the normative order`() {
        var log = LogBuilder()
        log.message("hi")
        #expect(log.openRequest() == .turn)
        _ = log.respond("hello")
        #expect(log.settle() == .wait(needsWorker: false))
        #expect(
            log.types == [
                "user.message", "user.message", "session.status_running", "session.thread_status_running",
                "span.model_request_start", "agent.message", "span.model_request_end", "session.thread_status_idle",
                "session.usage", "session.status_idle",
            ])
        #expect(log.log[0].processedAt == nil)
        #expect(log.log[0].id == log.log[1].id)
        #expect(log.lastStopReason == "end_turn")
        #expect(log.state.conversation.messages.map { $0["role"]?.stringValue } == ["user", "assistant"])
    }

    @Test func `messages that wait are taken together, and a later one opens the next turn`() {
        var log = LogBuilder()
        log.message("one")
        log.message("two")
        #expect(log.openRequest() == .turn)
        #expect(log.state.conversation.messages.count == 1)
        log.message("three")
        _ = log.respond("first answer")
        #expect(log.openRequest() == .turn)
        #expect(log.types.filter { $0 == "session.status_idle" }.count == 1)
        _ = log.respond("second answer")
        _ = log.settle()
        #expect(log.state.conversation.messages.count == 4)
    }

    @Test func `a sandbox call in a cloud environment keeps the session running until its result`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        let calls = log.respond("", calls: [("bash", .agentToolUse, "allow"), ("read", .agentToolUse, "allow")])
        #expect(log.settle() == .wait(needsWorker: true))
        log.result(of: calls[1], .agentToolResult, "second")
        #expect(log.settle() == .wait(needsWorker: true))
        log.result(of: calls[0], .agentToolResult, "first")
        #expect(log.openRequest() == .turn)
        let results = log.state.conversation.messages.last?["content"]?.arrayValue
        #expect(results?.map { $0["tool_use_id"]?.stringValue } == calls.map { "toolu_\($0)" })
        #expect(!log.types.contains("session.status_idle"))
    }

    @Test func `a sandbox call in a self-hosted environment is named in requires_action`() {
        var log = LogBuilder(environment: .selfHosted)
        log.message("go")
        _ = log.openRequest()
        let calls = log.respond("", calls: [("bash", .agentToolUse, "allow")])
        #expect(log.settle() == .wait(needsWorker: true))
        #expect(log.pending == calls.map(\.rawValue))
        log.result(of: calls[0])
        #expect(log.openRequest() == .turn)
        #expect(
            log.types.suffix(3) == [
                "session.status_running", "session.thread_status_running", "span.model_request_start",
            ])
    }

    @Test func `partial settlement names the remainder, full settlement goes on`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        let calls = log.respond(
            "", calls: [("lookup", .agentCustomToolUse, ""), ("bash", .agentToolUse, "ask")])
        #expect(log.settle() == .wait(needsWorker: false))
        #expect(log.pending == calls.map(\.rawValue))
        log.result(of: calls[0], .userCustomToolResult)
        #expect(log.settle() == .wait(needsWorker: false))
        #expect(log.pending == [calls[1].rawValue])
        #expect(log.types.suffix(2) == ["session.usage", "session.status_idle"])
        log.confirm(calls[1], "allow")
        #expect(log.settle() == .wait(needsWorker: true))
        #expect(log.types.suffix(2) == ["session.status_running", "session.thread_status_running"])
        log.result(of: calls[1], .agentToolResult)
        #expect(log.openRequest() == .turn)
    }

    @Test func `a result that comes before the idle event is never named in it`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        let calls = log.respond(
            "", calls: [("lookup", .agentCustomToolUse, ""), ("other", .agentCustomToolUse, "")])
        log.result(of: calls[0], .userCustomToolResult)
        _ = log.settle()
        #expect(log.pending == [calls[1].rawValue])
    }

    @Test func `a denied call gets an error result with the message and the model goes on`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        let calls = log.respond("", calls: [("bash", .agentToolUse, "ask")])
        _ = log.settle()
        log.confirm(calls[0], "deny", message: "not on a Friday")
        #expect(log.openRequest() == .turn)
        let result = log.log.last { $0.type == .agentToolResult }
        #expect(result?["is_error"] == true)
        #expect(result?["content"]?.arrayValue?.first?["text"]?.stringValue?.contains("not on a Friday") == true)
    }

    @Test func `a call of a tool that is not enabled is denied without anybody's word`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        _ = log.respond("", calls: [("web_search", .agentToolUse, "deny")])
        #expect(log.openRequest() == .turn)
    }

    @Test func `an interrupt closes the request and ends the turn`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        log.interrupt()
        #expect(log.settle() == .wait(needsWorker: false))
        #expect(
            log.types.suffix(5) == [
                "span.model_request_end", "user.interrupt", "session.thread_status_idle", "session.usage",
                "session.status_idle",
            ])
        #expect(log.lastStopReason == "end_turn")
    }

    @Test func `an interrupt in requires_action closes the calls without asking the model`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        let calls = log.respond("", calls: [("lookup", .agentCustomToolUse, "")])
        _ = log.settle()
        log.interrupt()
        #expect(log.settle() == .wait(needsWorker: false))
        let result = log.log.last { $0.type == .userCustomToolResult }
        #expect(result?["custom_tool_use_id"]?.stringValue == calls[0].rawValue)
        #expect(log.lastStopReason == "end_turn")
        log.message("next")
        #expect(log.openRequest() == .turn)
        let last = log.state.conversation.messages.last?["content"]?.arrayValue
        #expect(last?.map { $0["type"]?.stringValue } == ["tool_result", "text"])
    }

    @Test func `an interrupt on an idle session changes nothing but itself`() {
        var log = LogBuilder()
        log.interrupt()
        #expect(log.settle() == .wait(needsWorker: false))
        #expect(log.types == ["user.interrupt", "user.interrupt"])
    }

    @Test func `an interrupt jumps the queue and the message behind it follows`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        log.message("later")
        log.interrupt()
        #expect(log.openRequest() == .turn)
        #expect(log.types.filter { $0 == "session.status_idle" }.count == 1)
        #expect(log.state.queue.isEmpty)
    }

    @Test func `a request that a crash left open is closed and made again`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        let recovered = log.settle()
        guard case .callModel = recovered else {
            Issue.record("expected another request, got \(recovered)")
            return
        }
        #expect(log.log.last?.type == .modelRequestEnd)
        #expect(log.log.last?["is_error"] == true)
        #expect(log.state.attempts == 0)
    }

    @Test func `a refusal ends the turn with its details`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        _ = log.respond("", stop: "refusal", details: ["type": "refusal", "category": "cyber", "explanation": "no"])
        _ = log.settle()
        let idle = log.log.last { $0.type == .statusIdle }
        #expect(idle?["stop_reason"] == ["type": "refusal"])
        #expect(idle?["stop_details"] == ["type": "refusal", "category": "cyber", "explanation": "no"])
    }

    @Test func `a cut-off answer is continued`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        _ = log.respond("half", stop: "max_tokens")
        #expect(log.openRequest() == .turn)
        #expect(log.state.conversation.messages.last?["role"] == "user")
        #expect(log.state.continuations == 1)
    }

    @Test func `too many rounds of tools end the turn`() {
        var log = LogBuilder(limits: LoopLimits(toolRounds: 2))
        log.message("go")
        for _ in 0..<2 {
            _ = log.openRequest()
            let calls = log.respond("", calls: [("bash", .agentToolUse, "allow")])
            log.result(of: calls[0], .agentToolResult)
        }
        #expect(log.settle() == .wait(needsWorker: false))
        #expect(log.lastStopReason == "retries_exhausted")
        #expect(log.log.contains { $0["error"]?["type"] == "tool_use_limit_reached_error" })
    }

    @Test func `a long context is summarised before the next request, and the new message stays`() {
        var log = LogBuilder(threshold: 100)
        log.message("a long story")
        _ = log.openRequest()
        _ = log.respond("noted", tokens: 200)
        log.message("and now?")
        #expect(log.openRequest() == .compaction)
        guard let span = log.state.openSpan else { return }
        log.append(LoopEntry(log.make.event(.contextCompacted), note: ["summary": "a story was told"]))
        log.append(
            log.make.spanEnd(of: span, isError: false, usage: TokenUsage(), note: ["purpose": "compaction"]))
        #expect(log.openRequest() == .turn)
        let blocks = log.state.conversation.messages.last?["content"]?.arrayValue
        #expect(log.state.conversation.messages.count == 1)
        #expect(blocks?.first?["text"]?.stringValue?.contains("a story was told") == true)
        #expect(blocks?.last?["text"] == "and now?")
    }
}
