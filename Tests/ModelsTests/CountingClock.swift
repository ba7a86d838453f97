import Synchronization

/// A clock that never waits and remembers how long it was asked to.
final class CountingClock: Clock {
    private let waits = Mutex<[Duration]>([])
    private let base = ContinuousClock.now

    var slept: [Duration] { waits.withLock { $0 } }
    var now: ContinuousClock.Instant { base + slept.reduce(.zero, +) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        let wait = now.duration(to: deadline)
        waits.withLock { $0.append(wait) }
    }
}
