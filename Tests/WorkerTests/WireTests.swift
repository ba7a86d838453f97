import Sandbox
import Testing

@testable import Worker

/// The worker against a server that plays the hosted queue, over real sockets.
@Suite(.timeLimit(.minutes(2))) struct WireTests {
    @Test func `serves bash and then write with the requests of the golden file`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [
                #"{"type":"user.message","id":"sevt_0","content":[]}"#,
                WorkerBench.bash("sevt_1", "echo hi"),
                #"{"type":"agent.tool_use","id":"sevt_2","name":"write","input":{"file_path":"a","content":"é","x":1}}"#,
            ]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("both results") { bench.posts().count == 2 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        try GoldenExchange.expect(bench.server.requests, matches: "bash-then-write")
        #expect(bench.provider.log == ["run sevt_1", "run sevt_2", "destroy sesn_1"])
        #expect(bench.provider.specs.map(\.network) == [.none])
    }

    @Test func `an asked call runs only after it was allowed`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [
                WorkerBench.bash("sevt_1", "held", permission: "ask"),
                WorkerBench.bash("sevt_2", "denied", permission: "deny"),
                WorkerBench.bash("sevt_3", "free", permission: "allow"),
            ]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the free call") { bench.posts().count == 1 }
            #expect(bench.provider.log == ["run sevt_3"])
            bench.server.emit(
                #"{"type":"user.tool_confirmation","id":"sevt_4","tool_use_id":"sevt_1","result":"allow"}"#)
            try await bench.until("the allowed call") { bench.posts().count == 2 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        try GoldenExchange.expect(bench.server.requests, matches: "ask-then-allow")
        #expect(bench.provider.log == ["run sevt_3", "run sevt_1", "destroy sesn_1"])
    }

    @Test func `an interrupt kills the running call at once and drops what waited`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "block"), WorkerBench.bash("sevt_2", "never")]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the call runs") { bench.provider.log == ["run sevt_1"] }
            bench.server.emit(#"{"type":"user.interrupt","id":"sevt_3","processed_at":null}"#)
            try await bench.until("the call is dead") { bench.provider.log.contains("killed sevt_1") }
            bench.server.emit(#"{"type":"agent.tool_result","id":"sevt_4","tool_use_id":"sevt_1","is_error":true}"#)
            bench.server.emit(#"{"type":"agent.tool_result","id":"sevt_5","tool_use_id":"sevt_2","is_error":true}"#)
            bench.server.emit(#"{"type":"user.interrupt","id":"sevt_3","processed_at":"2026-10-31T12:00:03Z"}"#)
            bench.server.emit(WorkerBench.bash("sevt_6", "after"))
            try await bench.until("the next call") { bench.posts().count == 1 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        try GoldenExchange.expect(bench.server.requests, matches: "interrupt")
        #expect(bench.provider.log == ["run sevt_1", "killed sevt_1", "run sevt_6", "destroy sesn_1"])
    }

    @Test func `after a lost lease nothing is posted and the sandbox is left alive`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "block")]
            state.beats = [.extend(seconds: 8), .lost]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the sandbox is left") { bench.provider.log.contains("detach sesn_1") }
        }
        try GoldenExchange.expect(bench.server.requests, matches: "lost-lease")
        #expect(bench.provider.log == ["run sevt_1", "killed sevt_1", "detach sesn_1"])
        #expect(bench.provider.living == [try #require(SandboxID("sesn_1"))])
    }

    @Test func `a requested stop kills the call, posts its result and confirms`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "block")]
            state.beats = [.extend(seconds: 8), .stopping]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve { try await bench.stopped() }
        try GoldenExchange.expect(bench.server.requests, matches: "stop-requested")
        #expect(bench.provider.log == ["run sevt_1", "killed sevt_1", "destroy sesn_1"])
    }

    @Test func `a health check is acknowledged and stopped without a session`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.items = [
                #"{"type":"work","id":"work_h","environment_id":"env_1","data":{"type":"healthcheck","id":"x"},"secret":null}"#
            ]
        }
        try await bench.serve { try await bench.stopped("work_h") }
        try GoldenExchange.expect(bench.server.requests, matches: "healthcheck")
        #expect(bench.provider.log.isEmpty)
    }

    @Test func `calls of tools that are not ours stay pending`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [
                #"{"type":"agent.tool_use","id":"sevt_1","name":"web_search","input":{"query":"x"}}"#,
                #"{"type":"agent.tool_use","id":"sevt_2","name":"web_fetch","input":{"url":"https://example.com"}}"#,
                #"{"type":"agent.custom_tool_use","id":"sevt_3","name":"bash","input":{}}"#,
                #"{"type":"agent.mcp_tool_use","id":"sevt_4","name":"bash","input":{}}"#,
                WorkerBench.bash("sevt_5", "silent"),
            ]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the one result") { bench.posts().count == 1 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        #expect(bench.posts().map { $0.body.contains("sevt_5") && $0.body.contains("(no output)") } == [true])
        #expect(bench.provider.log == ["run sevt_5", "destroy sesn_1"])
    }
}
