internal import Synchronization

/// Notices that nothing has happened for a while.
final class ActivityWatch: Sendable {
    private let last = Mutex(ContinuousClock.now)

    func touch() {
        let now = ContinuousClock.now
        last.withLock { $0 = now }
    }

    /// Returns once nothing has touched the watch for `limit`, or when cancelled.
    func untilIdle(for limit: Duration) async {
        while true {
            let end = last.withLock { $0 } + limit
            guard ContinuousClock.now < end else { return }
            do { try await Task.sleep(until: end, tolerance: limit / 16, clock: .continuous) } catch { return }
        }
    }
}
