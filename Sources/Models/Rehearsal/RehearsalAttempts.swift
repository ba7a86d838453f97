internal import Synchronization

/// Counts the attempts at requests whose plan asks for failures: the only state of the rehearsal model.
///
/// A count starts with the first attempt and is dropped with the first one that succeeds, so the same plan fails the same
/// way each time. At most `capacity` counts are kept; the oldest goes first.
final class RehearsalAttempts: Sendable {
    private struct State {
        var counts: [UInt64: Int] = [:]
        var order: [UInt64] = []
    }
    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int = 4096) { self.capacity = capacity }

    /// The failure that this attempt is to meet; nil when it succeeds.
    func next(_ key: UInt64, of failures: [RehearsalFailure]) -> RehearsalFailure? {
        guard !failures.isEmpty else { return nil }
        return state.withLock { state in
            let count = state.counts[key] ?? 0
            guard count < failures.count else {
                state.counts[key] = nil
                state.order.removeAll { $0 == key }
                return nil
            }
            if count == 0 {
                if state.order.count == capacity { state.counts[state.order.removeFirst()] = nil }
                state.order.append(key)
            }
            state.counts[key] = count + 1
            return failures[count]
        }
    }
}
