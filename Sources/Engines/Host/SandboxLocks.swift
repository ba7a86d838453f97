internal import Sandbox
internal import Synchronization

/// One task at a time per sandbox: creating, attaching and sweeping must not meet.
final class SandboxLocks: Sendable {
    private typealias Waiter = CheckedContinuation<Void, Never>
    /// A key means held; its waiters go on in order.
    private let held = Mutex<[SandboxID: [Waiter]]>([:])

    func withLock<Value, Failure: Error>(
        _ id: SandboxID, _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        await acquire(id)
        do throws(Failure) {
            let value = try await body()
            release(id)
            return value
        } catch {
            release(id)
            throw error
        }
    }

    private func acquire(_ id: SandboxID) async {
        await withCheckedContinuation { (waiter: Waiter) in
            let isFree = held.withLock { held in
                guard held[id] == nil else {
                    held[id]?.append(waiter)
                    return false
                }
                held[id] = []
                return true
            }
            if isFree { waiter.resume() }
        }
    }

    private func release(_ id: SandboxID) {
        let next = held.withLock { held -> Waiter? in
            guard var waiters = held[id], !waiters.isEmpty else {
                held[id] = nil
                return nil
            }
            let next = waiters.removeFirst()
            held[id] = waiters
            return next
        }
        next?.resume()
    }
}
