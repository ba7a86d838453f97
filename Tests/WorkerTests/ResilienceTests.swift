import Sandbox
import Testing

@testable import Worker

/// The worker against a server and an engine that fail now and then.
@Suite(.timeLimit(.minutes(2))) struct ResilienceTests {
    @Test func `a cut stream is opened again and the history is read anew`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "one")]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the first result") { bench.posts().count == 1 }
            bench.server.cutStreams()
            bench.server.emit(WorkerBench.bash("sevt_2", "missed"))
            try await bench.until("the missed call") { bench.posts().count == 2 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        #expect(bench.provider.log == ["run sevt_1", "run sevt_2", "destroy sesn_1"])
    }

    @Test func `posting is repeated after 503 and given up after 400`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "one"), WorkerBench.bash("sevt_2", "two")]
            state.postRefusals = [503, 400]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("three posts") { bench.posts().count == 3 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        #expect(bench.posts().map { $0.body.contains("sevt_1") } == [true, true, false])
        #expect(bench.provider.log == ["run sevt_1", "run sevt_2", "destroy sesn_1"])
        let journal = try JournalFile.read(bench.stateDirectory + "/sesn_1/calls.journal")
        #expect(String(decoding: journal, as: UTF8.self) == "started sevt_1\n")
    }

    @Test func `a result that is too large is replaced`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "one")]
            state.postRefusals = [413]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("two posts") { bench.posts().count == 2 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        #expect(bench.posts()[1].body.contains("too large"))
    }

    @Test func `an engine that cannot honour the limits answers calls with its reason`() async throws {
        let bench = try WorkerBench()
        bench.provider.script { state in
            state.provisionFailures = [SandboxError(.unsupported, "no memory bound here")]
        }
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "one")]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the result") { bench.posts().count == 1 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        #expect(bench.posts()[0].body.contains("no memory bound here"))
        #expect(bench.provider.log.isEmpty)
    }

    @Test func `an unusable engine stops the worker before it claims`() async throws {
        let bench = try WorkerBench()
        bench.provider.script { $0.isUsable = false }
        let error = await #expect(throws: WorkerError.self) { try await bench.serve {} }
        #expect(error?.code == .unusableEngine)
        #expect(error?.message.contains("turn it on") == true)
        #expect(bench.server.requests.isEmpty)
    }

    @Test func `several sessions are served at once, each in its own sandbox`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            for number in 1...3 {
                state.events["sesn_\(number)"] = [WorkerBench.bash("sevt_\(number)", "block")]
                state.items.append(WorkerBench.item(work: "work_\(number)", session: "sesn_\(number)"))
            }
        }
        try await bench.serve {
            try await bench.until("all run") { bench.provider.log.filter { $0.hasPrefix("run") }.count == 3 }
            for number in 1...3 { bench.provider.sandbox("sesn_\(number)")?.release.open() }
            try await bench.until("all results") { bench.posts().count == 3 }
            for number in 1...3 { bench.server.emit(WorkerBench.idle, session: "sesn_\(number)") }
            for number in 1...3 { try await bench.stopped("work_\(number)") }
        }
        #expect(Set(bench.provider.specs.map(\.id.rawValue)) == ["sesn_1", "sesn_2", "sesn_3"])
    }

    @Test func `a terminated session is stopped at once`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "block")]
            state.sessions["sesn_1"] = #"{"type":"session","id":"sesn_1","status":"terminated"}"#
            state.items = [WorkerBench.item()]
        }
        try await bench.serve { try await bench.stopped() }
        #expect(bench.posts().isEmpty)
    }

    @Test func `our own server opens web_fetch and the environment's hosts`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [
                #"{"type":"agent.tool_use","id":"sevt_2","name":"web_fetch","input":{"url":"https://a.example"}}"#
            ]
            let networking = #"{"type":"limited","allowed_hosts":["a.example"]}"#
            state.items = [
                WorkerBench.item(
                    secret: #"{"sessions_token":"t","environment":{"type":"cloud","networking":\#(networking)}}"#)
            ]
        }
        try await bench.serve {
            try await bench.until("the result") { bench.posts().count == 1 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        #expect(bench.provider.specs.map(\.network) == [.allow(hosts: ["a.example"])])
        #expect(bench.provider.log == ["run sevt_2", "destroy sesn_1"])
    }
}
