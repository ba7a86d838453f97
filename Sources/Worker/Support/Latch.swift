internal import Synchronization

/// A door that opens once: any number of tasks wait for it, and whoever comes later passes at once.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }
    private enum Outcome<Value: Sendable>: Sendable { case opened, value(Value) }
    private let state = Mutex(State())

    var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Idempotent.
    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            let waiters = state.waiters
            state.waiters = [:]
            return waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Returns when the latch is open or the task is cancelled.
    func wait() async {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let passes = state.withLock { state in
                    guard !state.isOpen, !Task.isCancelled else { return true }
                    state.waiters[number] = continuation
                    return false
                }
                if passes { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
    }

    /// As ``wait()``, for at most `limit`.
    func wait(atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Runs `body` and cancels it when the latch opens; what `body` returns is returned in either case.
    func cancelling<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
        await withTaskGroup(of: Outcome<Value>.self) { group in
            group.addTask { .value(await body()) }
            group.addTask {
                await self.wait()
                return .opened
            }
            while let outcome = await group.next() {
                group.cancelAll()
                if case .value(let value) = outcome { return value }
            }
            preconditionFailure("the body's child task always returns a value")
        }
    }
}
