import Sandbox
import Testing

@testable import Worker

/// What a worker does with calls that an earlier holder started, and with what it leaves to a later one.
@Suite(.timeLimit(.minutes(2))) struct RecoveryTests {
    private let call = WorkerBench.bash("sevt_1", "echo hi")

    private func writeJournal(_ bench: WorkerBench, _ text: String) throws {
        try JournalFile.write(
            Array(text.utf8), at: 0, of: bench.stateDirectory + "/sesn_1/calls.journal", isDurable: false)
    }

    private func serveOneResult(_ bench: WorkerBench, secret: String? = nil) async throws -> String {
        bench.server.script { state in
            state.events["sesn_1"] = [call]
            state.items = [WorkerBench.item(secret: secret)]
        }
        try await bench.serve {
            try await bench.until("the result") { bench.posts().count == 1 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        return bench.posts()[0].body
    }

    @Test func `a call started before a restart is reported as interrupted and not run`() async throws {
        let bench = try WorkerBench()
        try writeJournal(bench, "started sevt_1\n")
        let body = try await serveOneResult(bench)
        #expect(
            body.contains(#""is_error":true"#) && body.contains("interrupted") && body.contains("may have run partly"))
        #expect(bench.provider.log == ["destroy sesn_1"])
        try GoldenExchange.expect(bench.server.requests, matches: "restart-after-crash")
    }

    @Test func `a call that settled in a living sandbox is answered from its journal`() async throws {
        let bench = try WorkerBench()
        try writeJournal(bench, "started sevt_1\n")
        let id = try #require(SandboxID("sesn_1"))
        let kept = ToolResult(content: [.text("kept")], isError: false)
        try JournalFile.touch(bench.stateDirectory + "/sesn_1/in-use")
        bench.provider.script {
            $0.sandboxes[id] = FakeSandbox(id: id, provider: bench.provider, entries: ["sevt_1": .settled(kept)])
        }
        let body = try await serveOneResult(bench)
        #expect(body.contains("kept"))
        #expect(bench.provider.log == ["destroy sesn_1"])
    }

    @Test func `a call that still runs in a living sandbox is waited for`() async throws {
        let bench = try WorkerBench()
        let id = try #require(SandboxID("sesn_1"))
        let sandbox = FakeSandbox(id: id, provider: bench.provider, entries: ["sevt_1": .running])
        try JournalFile.touch(bench.stateDirectory + "/sesn_1/in-use")
        bench.provider.script { $0.sandboxes[id] = sandbox }
        let body = try await serveOneResult(bench, secret: #"{"sessions_token":"t","interrupted_calls":["sevt_1"]}"#)
        #expect(body.contains("ran echo hi"))
        #expect(bench.provider.log == ["attach sevt_1", "destroy sesn_1"])
    }

    @Test func `a call that the server names as interrupted is not run`() async throws {
        let bench = try WorkerBench()
        let body = try await serveOneResult(bench, secret: #"{"sessions_token":"t","interrupted_calls":["sevt_1"]}"#)
        #expect(body.contains("interrupted"))
        #expect(bench.provider.log == ["destroy sesn_1"])
    }

    @Test func `a sandbox that dies under a call gives an error and the next call a fresh one`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "block"), WorkerBench.bash("sevt_2", "next")]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the call runs") { bench.provider.log == ["run sevt_1"] }
            bench.provider.sandbox("sesn_1")?.death.open()
            try await bench.until("both results") { bench.posts().count == 2 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        #expect(bench.posts()[0].body.contains("sandbox ended while this call ran"))
        #expect(bench.posts()[1].body.contains("ran next"))
        #expect(bench.provider.log == ["run sevt_1", "detach sesn_1", "run sevt_2", "destroy sesn_1"])
    }

    @Test func `draining posts what finishes in time and leaves the rest to another holder`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "block"), WorkerBench.bash("sevt_2", "later")]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the call runs") { bench.provider.log == ["run sevt_1"] }
            bench.shutdown.open()
            bench.provider.sandbox("sesn_1")?.release.open()
            try await bench.until("the result") { bench.posts().count == 1 }
        }
        #expect(bench.posts().map { $0.body.contains("released") } == [true])
        #expect(!bench.isStopped())
        #expect(bench.provider.log == ["run sevt_1", "detach sesn_1"])
        try GoldenExchange.expect(bench.server.requests, matches: "drain")
    }

    @Test func `draining too long lets go of the sandbox with the call in it`() async throws {
        var bench = try WorkerBench()
        bench.drainTimeout = .milliseconds(50)
        let settled = bench
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "block")]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await settled.until("the call runs") { settled.provider.log == ["run sevt_1"] }
            settled.shutdown.open()
        }
        #expect(bench.posts().isEmpty && !bench.isStopped())
        #expect(bench.provider.log.prefix(2) == ["run sevt_1", "detach sesn_1"])
    }

    @Test func `draining stops the item of an idle session`() async throws {
        var bench = try WorkerBench()
        bench.maxIdle = .seconds(60)
        let settled = bench
        bench.server.script { state in
            state.events["sesn_1"] = [call]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await settled.until("the result") { settled.posts().count == 1 }
            settled.server.emit(WorkerBench.idle)
            // The event is on the wire before the latch opens, but not yet read for sure: a later call proves that it was.
            settled.server.emit(WorkerBench.bash("sevt_2", "proof"))
            try await settled.until("the proof") { settled.posts().count == 2 }
            settled.server.emit(#"{"type":"session.status_idle","id":"sevt_i2","stop_reason":{"type":"end_turn"}}"#)
            try await Task.sleep(for: .milliseconds(100))
            settled.shutdown.open()
        }
        #expect(bench.isStopped())
        #expect(bench.provider.log == ["run sevt_1", "run sevt_2", "destroy sesn_1"])
    }
}
