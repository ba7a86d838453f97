/// Why a session is not served any longer.
enum SessionEnd: Equatable, Sendable {
    /// The session was terminated or deleted.
    case finished
    /// Idle for long enough, nothing outstanding.
    case idle
    /// The sandbox has lived as long as its environment lets it.
    case expired
    case stopRequested
    case leaseLost
    case leaseRejected
    /// The server refuses what the worker needs.
    case failed
    /// The worker stops while the session is idle.
    case drained
    /// The worker stops while the session is busy: another holder goes on.
    case handedBack

    /// True when results of unfinished calls must not or need not be posted.
    var discardsResults: Bool { self != .stopRequested && self != .expired }
    /// True when the item is told to stop; otherwise its lease runs out and it is queued again.
    var stopsItem: Bool { self != .leaseLost && self != .handedBack }
    /// True when a sandbox that is paused stays so; otherwise nobody will come back to it.
    var keepsPaused: Bool { self != .finished }
    /// True when the sandbox is of no further use; otherwise it is left alive for the next holder.
    var destroysSandbox: Bool {
        switch self {
        case .finished, .idle, .expired, .stopRequested, .drained: true
        case .leaseLost, .leaseRejected, .failed, .handedBack: false
        }
    }
}
