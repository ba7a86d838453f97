import Testing

@testable import Worker

@Suite struct LeaseMachineTests {
    let start = ContinuousClock.now

    private func answer(
        _ last: String = "t1", extended: Bool = true, stopping: Bool = false, seconds: Int = 10
    ) -> HeartbeatAnswer {
        HeartbeatAnswer(lastHeartbeat: last, isExtended: extended, isStopping: stopping, leaseSeconds: seconds)
    }

    @Test func `the first beat is due at once and carries no heartbeat`() {
        var machine = LeaseMachine(now: start)
        #expect(machine.tick(now: start) == .heartbeat(expected: "NO_HEARTBEAT", timeout: .seconds(30)))
    }

    @Test func `an answer is echoed after half the lease`() {
        var machine = LeaseMachine(now: start)
        machine.answered(answer("2026-10-31T12:00:00.1Z"), sentAt: start)
        #expect(machine.tick(now: start) == .wait(until: start + .seconds(5)))
        #expect(
            machine.tick(now: start + .seconds(5))
                == .heartbeat(expected: "2026-10-31T12:00:00.1Z", timeout: .seconds(5)))
    }

    @Test(arguments: [(1, 1), (2, 1), (10, 5), (60, 30), (300, 30)])
    func `the interval is half the lease from one to thirty seconds`(lease: Int, interval: Int) {
        var machine = LeaseMachine(now: start)
        machine.answered(answer(seconds: lease), sentAt: start)
        #expect(machine.interval == .seconds(interval))
    }

    @Test func `a refused precondition loses the lease at once`() {
        var machine = LeaseMachine(now: start)
        machine.failed(WorkerError(.preconditionFailed, "412"), now: start)
        #expect(machine.tick(now: start) == .end(.lost))
        machine.answered(answer(), sentAt: start)
        #expect(machine.tick(now: start) == .end(.lost))
    }

    @Test(arguments: [(false, false), (true, true), (false, true)])
    func `a lease that is not extended or an item that stops asks for a stop`(extended: Bool, stopping: Bool) {
        var machine = LeaseMachine(now: start)
        machine.answered(answer(extended: extended, stopping: stopping), sentAt: start)
        #expect(machine.tick(now: start) == .end(.stopRequested))
    }

    @Test func `other refusals reject the holder`() {
        var machine = LeaseMachine(now: start)
        machine.failed(WorkerError(.unauthorized, "401"), now: start)
        #expect(machine.tick(now: start) == .end(.rejected))
    }

    @Test func `failures are tried again soon until a full lease has passed without success`() {
        var machine = LeaseMachine(now: start)
        machine.answered(answer(), sentAt: start)
        var now = start + .seconds(5)
        var beats = 0
        while case .heartbeat(let expected, _) = machine.tick(now: now) {
            #expect(expected == "t1")
            beats += 1
            machine.failed(WorkerError(.busy, "503"), now: now)
            guard case .wait(let next) = machine.tick(now: now) else { break }
            now = next
        }
        #expect(beats == 5)
        #expect(now == start + .seconds(10))
        #expect(machine.tick(now: now) == .end(.lost))
    }

    @Test func `the lease counts from when the beat was sent`() {
        var machine = LeaseMachine(now: start)
        machine.answered(answer(seconds: 10), sentAt: start)
        #expect(machine.tick(now: start + .seconds(10)) == .end(.lost))
    }
}
