internal import Synchronization
public import Wire

/// Wake-ups inside one process: "something was committed, look again". A lost or surplus wake-up loses nothing, because
/// readers hold a cursor into the log and fetch.
public final class Signals: Sendable {
    /// What may have changed.
    public enum Topic: Hashable, Sendable {
        /// New events in a session's log.
        case events(SessionID)
        /// A session may have something to do for the orchestrator.
        case runnable
        /// Items may be waiting in an environment's queue.
        case work(EnvironmentID)
        /// Items may be waiting in some cloud environment's queue.
        case cloudWork
        /// Some credential changed.
        case secrets
        /// An environment changed.
        case environment(EnvironmentID)
    }

    private struct State {
        var waiters: [Topic: [UInt64: CheckedContinuation<Void, Never>]] = [:]
        /// The number of the last raise of each topic raised since `floor`.
        var raises: [Topic: UInt64] = [:]
        var lastRaise: UInt64 = 0
        /// Topics missing from `raises` count as raised then; moves up when `raises` is emptied to stay bounded.
        var floor: UInt64 = 0
        var nextWaiter: UInt64 = 0

        func number(of topic: Topic) -> UInt64 { raises[topic] ?? floor }
    }
    private let state = Mutex(State())

    /// Topics remembered at once; beyond it all are forgotten together, which costs each waiter one surplus look.
    private static let topicLimit = 65_536

    init() {}

    /// Wakes everybody who waits for `topic`, and lets the next wait with an older mark return at once.
    public func raise(_ topic: Topic) {
        let woken = state.withLock { state in
            state.lastRaise += 1
            if state.raises.count >= Self.topicLimit {
                state.raises.removeAll()
                state.floor = state.lastRaise
            }
            state.raises[topic] = state.lastRaise
            return state.waiters.removeValue(forKey: topic)
        }
        for continuation in woken?.values.map({ $0 }) ?? [] { continuation.resume() }
    }

    /// A mark to take *before* looking; a raise after it makes ``wait(for:since:)`` return at once.
    public func mark(_ topic: Topic) -> UInt64 { state.withLock { $0.number(of: topic) } }

    /// Returns when the topic was raised after `mark`, or on cancellation.
    public func wait(for topic: Topic, since mark: UInt64) async {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isDone = state.withLock { state in
                    if Task.isCancelled || state.number(of: topic) != mark { return true }
                    state.waiters[topic, default: [:]][waiter] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                let continuation = state.waiters[topic]?.removeValue(forKey: waiter)
                if state.waiters[topic]?.isEmpty == true { state.waiters[topic] = nil }
                return continuation
            }
            continuation?.resume()
        }
    }

    /// As ``wait(for:since:)``, and also when `timeout` has passed.
    public func wait(for topic: Topic, since mark: UInt64, timeout: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(for: topic, since: mark) }
            group.addTask { try? await Task.sleep(for: timeout) }
            await group.next()
            group.cancelAll()
        }
    }
}
