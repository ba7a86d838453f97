import Testing
import Wire

@testable import Worker

@Suite struct SessionMachineTests {
    let start = ContinuousClock.now

    private func machine(_ history: [SessionEvent], maxIdle: Duration? = .seconds(60), isReady: Bool = true)
        -> SessionMachine
    {
        var machine = SessionMachine(tools: ToolUse.sandboxTools, maxIdle: maxIdle)
        machine.historyRead(history, now: start)
        guard isReady else { return machine }
        machine.sandboxPrepared()
        machine.sessionFetched(status: "running", now: start)
        return machine
    }
    private func use(_ id: String, _ permission: JSON = .null, thread: JSON = .null, name: JSON = "bash") throws
        -> ToolUse
    {
        try #require(
            ToolUse([
                "id": .string(id), "name": name, "input": ["command": "x"], "evaluated_permission": permission,
                "session_thread_id": thread,
            ]))
    }
    private let idle = SessionEvent.idle(id: "sevt_i", needsAction: false)

    @Test(arguments: [
        (JSON.null, "run"), ("allow", "run"), ("deny", "never"), ("ask", "hold"), ("perhaps", "hold"), (1, "hold"),
    ])
    func `the gate follows the evaluated permission`(permission: JSON, expected: String) throws {
        let call = try use("a", permission)
        var machine = machine([.toolUse(call)])
        if expected == "run" {
            #expect(machine.next(now: start) == .run(call))
            return
        }
        #expect(machine.next(now: start) == .wait(until: nil))
        machine.apply(.confirmation(call: "a", isAllowed: true), now: start)
        #expect(machine.next(now: start) == (expected == "hold" ? .run(call) : .wait(until: nil)))
    }

    @Test func `a denial wins over a later permission and blocks an open call`() throws {
        let asked = try use("a", "ask")
        var machine = machine([
            .toolUse(asked), .confirmation(call: "a", isAllowed: false), .confirmation(call: "a", isAllowed: true),
            .toolUse(try use("b")), .confirmation(call: "b", isAllowed: false),
        ])
        #expect(machine.next(now: start) == .wait(until: nil))
    }

    @Test func `only a session with nothing to do here makes room for another`() throws {
        let call = try use("a")
        var busy = machine([.toolUse(call)])
        #expect(busy.idleness == nil)
        _ = busy.next(now: start)
        busy.makeRoom()
        #expect(busy.next(now: start) == .wait(until: nil))

        var done = machine([.toolUse(call), .toolResult(call: "a"), idle])
        #expect(done.idleness == .idle)
        done.apply(.threadStatus(thread: "t"), now: start)
        #expect(done.idleness == nil)
        done.apply(idle, now: start)
        done.makeRoom()
        #expect(done.next(now: start) == .end(.idle))

        var asking = machine([.toolUse(try use("b", "ask")), .idle(id: "sevt_j", needsAction: true)])
        #expect(asking.idleness == .waitsForClient)
        asking.apply(.confirmation(call: "b", isAllowed: true), now: start)
        #expect(asking.idleness == nil)
    }

    @Test func `answered calls never run and others run in order, one at a time`() throws {
        let (first, second) = (try use("b"), try use("c"))
        var machine = machine([
            .toolUse(try use("a")), .toolResult(call: "a"), .toolUse(first), .toolUse(second), .toolUse(first),
        ])
        #expect(machine.next(now: start) == .run(first))
        #expect(machine.next(now: start) == .wait(until: nil))
        machine.callFinished("b")
        #expect(machine.next(now: start) == .run(second))
        machine.callFinished("c")
        machine.historyRead([.toolUse(first), .toolUse(second)], now: start)
        #expect(machine.next(now: start) == .wait(until: nil))
    }

    @Test func `nothing runs before sandbox, session and history are there`() throws {
        var machine = machine([.toolUse(try use("a"))], isReady: false)
        #expect(machine.next(now: start) == .wait(until: nil))
        machine.sandboxPrepared()
        #expect(machine.next(now: start) == .wait(until: nil))
        machine.sessionFetched(status: "idle", now: start)
        #expect(machine.next(now: start) == .run(try use("a")))
    }

    @Test func `an interrupt cancels what runs, drops what waits and spares what comes later`() throws {
        let later = try use("c")
        var machine = machine([.toolUse(try use("a")), .toolUse(try use("b"))])
        #expect(machine.next(now: start) == .run(try use("a")))
        machine.apply(.interrupt(stamp: "x/queued", thread: nil), now: start)
        #expect(machine.next(now: start) == .cancelRunning)
        #expect(machine.next(now: start) == .wait(until: nil))
        #expect(machine.disposition(of: "a") == .postUnlessAnswered)
        machine.apply(.toolResult(call: "a"), now: start)
        #expect(machine.disposition(of: "a") == .discard)
        machine.callFinished("a")
        machine.apply(.toolUse(later), now: start)
        // The same interrupt again, from a reread history.
        machine.historyRead([.interrupt(stamp: "x/queued", thread: nil)], now: start)
        #expect(machine.next(now: start) == .run(later))
    }

    @Test func `an interrupt of another thread leaves a call alone`() throws {
        let call = try use("a")
        var machine = machine([.threadStatus(thread: "main"), .toolUse(call), .toolUse(try use("b", thread: "child"))])
        machine.apply(.interrupt(stamp: "x", thread: "child"), now: start)
        #expect(machine.next(now: start) == .run(call))
        machine.apply(.interrupt(stamp: "y", thread: "main"), now: start)
        #expect(machine.next(now: start) == .cancelRunning)
    }

    @Test func `calls of a terminated thread are neither run nor answered`() throws {
        let running = try use("a", thread: "t")
        var machine = machine([.toolUse(running), .toolUse(try use("b", thread: "t"))])
        #expect(machine.next(now: start) == .run(running))
        machine.apply(.threadTerminated(thread: "t", id: "e"), now: start)
        #expect(machine.next(now: start) == .cancelRunning)
        #expect(machine.disposition(of: "a") == .discard)
        machine.callFinished("a")
        machine.apply(.toolUse(try use("c", thread: "t")), now: start)
        #expect(machine.next(now: start) == .wait(until: nil))
    }

    @Test func `an idle session ends after its time and activity stops the clock`() throws {
        var machine = machine([idle])
        #expect(machine.next(now: start) == .wait(until: start + .seconds(60)))
        machine.apply(.confirmation(call: "z", isAllowed: true), now: start)
        #expect(machine.next(now: start) == .wait(until: start + .seconds(60)))
        machine.historyRead([.other, idle], now: start + .seconds(30))
        #expect(machine.next(now: start + .seconds(30)) == .wait(until: start + .seconds(60)))
        machine.apply(.other, now: start)
        #expect(machine.next(now: start + .seconds(99)) == .wait(until: nil))
        machine.apply(.idle(id: "sevt_j", needsAction: true), now: start)
        #expect(machine.next(now: start + .seconds(99)) == .wait(until: nil))
        machine.apply(.idle(id: "sevt_k", needsAction: false), now: start)
        #expect(machine.next(now: start + .seconds(60)) == .end(.idle))
    }

    @Test func `a session that nobody talked to idles too, and a held call keeps a session`() throws {
        var silent = SessionMachine(tools: ToolUse.sandboxTools, maxIdle: .seconds(60))
        silent.sessionFetched(status: "idle", now: start)
        silent.historyRead([], now: start)
        #expect(silent.next(now: start + .seconds(60)) == .end(.idle))
        var held = machine([.toolUse(try use("a", "ask")), idle])
        #expect(held.next(now: start + .seconds(999)) == .wait(until: nil))
        var endless = machine([idle], maxIdle: nil)
        #expect(endless.next(now: start + .seconds(999)) == .wait(until: nil))
    }

    @Test func `a lost lease abandons the call and discards its result`() throws {
        var machine = machine([.toolUse(try use("a"))])
        #expect(machine.next(now: start) == .run(try use("a")))
        machine.leaseEnded(.lost)
        #expect(machine.next(now: start) == .abandonRunning(detaching: false))
        #expect(machine.disposition(of: "a") == .discard)
        machine.callFinished("a")
        #expect(machine.next(now: start) == .end(.leaseLost))
    }

    @Test func `a requested stop posts the cancelled result but does not wait for ever`() throws {
        var machine = machine([.toolUse(try use("a"))])
        #expect(machine.next(now: start) == .run(try use("a")))
        machine.leaseEnded(.stopRequested)
        #expect(machine.next(now: start) == .cancelRunning)
        #expect(machine.disposition(of: "a") == .post)
        #expect(machine.next(now: start) == .wait(until: start + .seconds(10)))
        #expect(machine.next(now: start + .seconds(10)) == .abandonRunning(detaching: false))
        machine.callFinished("a")
        #expect(machine.next(now: start + .seconds(10)) == .end(.stopRequested))
    }

    @Test func `draining lets the call finish, starts no other, and hands back`() throws {
        var machine = machine([.toolUse(try use("a")), .toolUse(try use("b"))])
        #expect(machine.next(now: start) == .run(try use("a")))
        machine.drain(until: start + .seconds(30))
        #expect(machine.next(now: start) == .wait(until: start + .seconds(30)))
        #expect(machine.disposition(of: "a") == .post)
        machine.callFinished("a")
        #expect(machine.next(now: start) == .end(.handedBack))
        var slow = self.machine([.toolUse(try use("a"))])
        #expect(slow.next(now: start) == .run(try use("a")))
        slow.drain(until: start + .seconds(30))
        #expect(slow.next(now: start + .seconds(30)) == .abandonRunning(detaching: true))
        var resting = self.machine([idle])
        resting.drain(until: start + .seconds(30))
        #expect(resting.next(now: start) == .end(.drained))
    }

    @Test func `more open calls than the bound end the session`() throws {
        let calls = try (0...SessionMachine.maximumOpenCalls).map { SessionEvent.toolUse(try use("c\($0)", "ask")) }
        var machine = machine(calls)
        #expect(machine.next(now: start) == .end(.failed))
    }
}
