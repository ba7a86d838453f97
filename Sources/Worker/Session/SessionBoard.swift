internal import Synchronization

/// The one place where the parts that serve a session meet: facts go into the machine, the loop is woken.
final class SessionBoard: Sendable {
    private let machine: Mutex<SessionMachine>
    private let wakeup = Wakeup()

    init(_ machine: SessionMachine) { self.machine = Mutex(machine) }

    /// Tells the machine something and wakes the loop.
    func tell(_ body: (inout SessionMachine) -> Void) {
        machine.withLock { body(&$0) }
        wakeup.signal()
    }

    func ask<Value: Sendable>(_ body: (inout SessionMachine) -> Value) -> Value { machine.withLock { body(&$0) } }

    /// Only the session's loop waits.
    func wait(until deadline: ContinuousClock.Instant?) async { await wakeup.wait(until: deadline) }
}
