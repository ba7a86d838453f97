/// When to beat, and when a lease is over (self-hosted-sandboxes §3.3). Facts and the time go in, one action comes out.
struct LeaseMachine: Sendable {
    enum End: Equatable, Sendable {
        /// Somebody else may hold the item: nothing may be posted any more.
        case lost
        /// The queue wants the item torn down.
        case stopRequested
        /// The queue refuses our beats for another reason.
        case rejected
    }
    enum Action: Equatable, Sendable {
        case wait(until: ContinuousClock.Instant)
        /// Send a beat that must be answered within `timeout`.
        case heartbeat(expected: String, timeout: Duration)
        case end(End)
    }

    static let noHeartbeat = "NO_HEARTBEAT"
    /// What is assumed until the first answer names the lease.
    static let assumedLease = Duration.seconds(90)

    private var lease = Self.assumedLease
    private var expected = Self.noHeartbeat
    private var nextBeat: ContinuousClock.Instant
    private var expiry: ContinuousClock.Instant
    private(set) var end: End?

    init(now: ContinuousClock.Instant) {
        nextBeat = now
        expiry = now + lease
    }

    /// Half a lease, from 1 to 30 seconds.
    var interval: Duration { min(.seconds(30), max(.seconds(1), lease / 2)) }

    mutating func tick(now: ContinuousClock.Instant) -> Action {
        if end == nil, now >= expiry { end = .lost }
        if let end { return .end(end) }
        guard now < nextBeat else { return .heartbeat(expected: expected, timeout: interval) }
        return .wait(until: min(nextBeat, expiry))
    }

    /// - Parameter sentAt: when the beat left: the server's lease cannot have begun earlier.
    mutating func answered(_ answer: HeartbeatAnswer, sentAt: ContinuousClock.Instant) {
        guard end == nil else { return }
        guard answer.isExtended, !answer.isStopping else {
            end = .stopRequested
            return
        }
        expected = answer.lastHeartbeat
        lease = .seconds(answer.leaseSeconds)
        expiry = sentAt + lease
        nextBeat = sentAt + interval
    }

    mutating func failed(_ error: WorkerError, now: ContinuousClock.Instant) {
        guard end == nil else { return }
        if error.code == .preconditionFailed {
            end = .lost
        } else if error.isRetryable || error.code == .cancelled {
            // Sooner than the interval: a beat every half lease would leave a single try before the lease is over.
            nextBeat = now + min(interval, max(.milliseconds(500), lease / 10))
        } else {
            end = .rejected
        }
    }
}
