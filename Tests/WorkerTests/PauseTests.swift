import Logging
import Sandbox
import Testing
import Wire

@testable import Worker

/// Pauses that somebody asks for from outside.
@Suite(.timeLimit(.minutes(2))) struct PauseTests {
    private let start = ContinuousClock.now
    private let idle = SessionEvent.idle(id: "sevt_i", needsAction: false)

    private func machine(_ history: [SessionEvent]) -> SessionMachine {
        var machine = SessionMachine(tools: ToolUse.sandboxTools, maxIdle: .seconds(60))
        machine.historyRead(history, now: start)
        machine.sessionFetched(status: "running", now: start)
        machine.sandboxPrepared()
        return machine
    }
    private func use(_ id: String, _ permission: JSON = .null) throws -> ToolUse {
        try #require(
            ToolUse([
                "id": .string(id), "name": "bash", "input": ["command": "x"], "evaluated_permission": permission,
            ]))
    }
    private func expectRefusal(_ machine: inout SessionMachine) {
        let answer = machine.beginPause()
        guard case .refused(let reason) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test func `nothing begins and nothing ends while a sandbox is being paused`() throws {
        var machine = machine([idle])
        #expect(machine.hold() == true)
        #expect(machine.beginPause() == .begun)
        expectRefusal(&machine)
        #expect(machine.hold() == false)
        machine.apply(.toolUse(try use("a")), now: start)
        #expect(machine.next(now: start) == .wait(until: nil))
        machine.leaseEnded(.lost)
        #expect(machine.next(now: start) == .wait(until: nil))
        machine.endPause()
        #expect(machine.next(now: start) == .end(.leaseLost))
    }

    @Test func `the call that came during a pause runs after it`() throws {
        var machine = machine([idle])
        #expect(machine.hold() == true)
        #expect(machine.beginPause() == .begun)
        machine.apply(.toolUse(try use("a")), now: start)
        machine.endPause()
        #expect(machine.next(now: start) == .run(try use("a")))
        expectRefusal(&machine)
    }

    @Test func `a worker that is killed does not wait for a pause`() {
        var machine = machine([idle])
        #expect(machine.hold() == true)
        #expect(machine.beginPause() == .begun)
        machine.end(.handedBack)
        #expect(machine.next(now: start) == .end(.handedBack))
    }

    @Test func `calls, streams and a session that is left are in the way of a pause`() throws {
        var waiting = machine([.toolUse(try use("a"))])
        expectRefusal(&waiting)
        var asking = machine([.toolUse(try use("a", "ask"))])
        #expect(asking.hold() == true)
        #expect(asking.hold() == true)
        expectRefusal(&asking)
        asking.release()
        #expect(asking.beginPause() == .begun)
        var leaving = machine([idle])
        leaving.drain(until: start)
        expectRefusal(&leaving)
        var unknown = SessionMachine(tools: ToolUse.sandboxTools, maxIdle: nil)
        #expect(unknown.beginPause() == .unknown)
    }

    private func holder(_ bench: WorkerBench, _ folder: SessionFolder, isPaused: Bool = false) throws -> SandboxHolder {
        let (session, id) = (try #require(RemoteID("sesn_1")), try #require(SandboxID("sesn_1")))
        return SandboxHolder(
            provider: bench.provider, spec: SandboxSpec(id: id), settings: SandboxSettings(),
            pauseMark: PauseMark(folder: folder, session: session), isPaused: isPaused, start: StartReport(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func `a pause is noted on the host until the next lease, whoever takes it`() async throws {
        let bench = try WorkerBench()
        defer { bench.server.close() }
        let folder = SessionFolder(root: bench.stateDirectory, queue: BlockingQueue(label: "test"))
        let id = try #require(SandboxID("sesn_1"))
        let first = try holder(bench, folder)
        try await first.pause()
        try await first.pause()
        #expect(first.isPaused)
        #expect(await folder.marked() == [id])
        await first.detach()
        let second = try holder(bench, folder, isPaused: await folder.isPaused(#require(RemoteID("sesn_1"))))
        #expect(second.isPaused)
        _ = try await second.lease()
        #expect(!second.isPaused)
        #expect(await folder.marked().isEmpty)
        await second.destroy()
        #expect(bench.provider.log == ["pause sesn_1", "detach sesn_1", "destroy sesn_1"])
    }

    @Test func `tasks that need the sandbox at the same time share one`() async throws {
        let bench = try WorkerBench()
        defer { bench.server.close() }
        let folder = SessionFolder(root: bench.stateDirectory, queue: BlockingQueue(label: "test"))
        let holder = try holder(bench, folder)
        bench.provider.script { $0.provisionFailures = [SandboxError(.unavailable, "at first")] }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { _ = try await holder.lease() } }
            try await group.waitForAll()
        }
        // The attempt that failed, and the one that all share.
        #expect(bench.provider.specs.count == 2)
    }

    @Test func `a sandbox that cannot be paused is come back to`() async throws {
        let bench = try WorkerBench()
        defer { bench.server.close() }
        let folder = SessionFolder(root: bench.stateDirectory, queue: BlockingQueue(label: "test"))
        let holder = try holder(bench, folder)
        bench.provider.script { $0.pauseFailures = [SandboxError(.unavailable, "no room")] }
        await #expect(throws: SandboxError.self) { try await holder.pause() }
        #expect(!holder.isPaused)
        #expect(await folder.paused().isEmpty)
        _ = try await holder.lease()
        #expect(bench.provider.specs.count == 2)
    }
}
