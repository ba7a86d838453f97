/// Waiting times that double up to a limit.
struct Backoff: Sendable {
    let first: Duration
    let limit: Duration
    private var step: Duration

    init(first: Duration, limit: Duration) {
        self.first = first
        self.limit = limit
        step = first
    }

    /// The next waiting time; `jitter` from 0 to 1 takes away up to half of it.
    mutating func next(jitter: Double) -> Duration {
        let wait = step
        step = min(limit, step * 2)
        return wait * (1 - min(1, max(0, jitter)) / 2)
    }

    mutating func reset() { step = first }
}
