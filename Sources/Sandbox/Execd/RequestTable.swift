internal import ExecdProtocol
internal import Synchronization

/// The ``RequestMachine`` of a connection, and who waits for which answer.
final class RequestTable: Sendable {
    typealias Waiter = CheckedContinuation<RequestMachine.Outcome, Never>

    private struct State {
        var machine = RequestMachine()
        var waiters: [UInt32: Waiter] = [:]
    }
    private let state = Mutex(State())

    /// Why nothing can be asked any more; nil while the connection stands.
    var end: SandboxError? { state.withLock { $0.machine.end } }

    /// Registers a request: what is returned has to be waited for with ``answer(on:)``.
    func begin(_ request: RequestMachine.Request) throws(SandboxError) -> UInt32 {
        try state.withLock { (state) throws(SandboxError) in try state.machine.begin(request) }
    }

    /// Waits for the answer to a registered request, or for the end of the connection.
    func answer(on stream: UInt32) async -> RequestMachine.Outcome {
        await withCheckedContinuation { waiter in
            let outcome = state.withLock { state -> RequestMachine.Outcome? in
                if let outcome = state.machine.take(stream) { return outcome }
                state.waiters[stream] = waiter
                return nil
            }
            if let outcome { waiter.resume(returning: outcome) }
        }
    }

    func isOpen(_ stream: UInt32) -> Bool { state.withLock { $0.machine.isOpen(stream) } }

    /// Forgets a request that was never sent.
    func abandon(_ stream: UInt32) -> RequestMachine.Outcome? {
        state.withLock { state in
            state.machine.fail(stream)
            return state.machine.take(stream)
        }
    }

    /// Whether the request has no outcome yet.
    func isWaiting(_ stream: UInt32) -> Bool { state.withLock { $0.machine.isWaiting(stream) } }

    /// Takes a message that belongs to a request.
    /// - Returns: why the protocol does not allow it, or nil.
    func receive(_ message: ExecdMessage, on stream: UInt32) -> String? {
        let (step, settled) = state.withLock { state in
            let step = state.machine.receive(message, on: stream)
            return (step, step == .settled ? Self.settle(stream, &state) : nil)
        }
        if let (waiter, outcome) = settled { waiter.resume(returning: outcome) }
        guard case .violation(let reason) = step else { return nil }
        return reason
    }

    /// Fails everything that waits, now and later. The first reason stays.
    func close(with error: SandboxError) {
        let settled = state.withLock { state in
            state.machine.close(with: error).compactMap { Self.settle($0, &state) }
        }
        for (waiter, outcome) in settled { waiter.resume(returning: outcome) }
    }

    private static func settle(_ stream: UInt32, _ state: inout State) -> (Waiter, RequestMachine.Outcome)? {
        guard let waiter = state.waiters.removeValue(forKey: stream), let outcome = state.machine.take(stream) else {
            return nil
        }
        return (waiter, outcome)
    }
}
