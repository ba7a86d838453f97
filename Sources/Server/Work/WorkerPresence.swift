internal import Synchronization
internal import Wire

/// Which workers polled lately, per environment; kept in memory, since it means this moment.
final class WorkerPresence: Sendable {
    private static let window = Duration.seconds(30)
    private static let limit = 10_000

    private let seen = Mutex<[String: [String: Timestamp]]>([:])

    func polled(_ environment: String, worker: String, at now: Timestamp) {
        guard worker.utf8.count <= 256 else { return }
        seen.withLock { seen in
            var workers = seen[environment] ?? [:]
            if workers.count >= Self.limit || workers[worker] == nil { Self.forgetOld(&workers, now) }
            if workers.count < Self.limit { workers[worker] = now }
            seen[environment] = workers
        }
    }

    /// Distinct worker names that polled within the last 30 seconds.
    func count(_ environment: String, at now: Timestamp) -> Int {
        seen.withLock { seen in
            guard var workers = seen[environment] else { return 0 }
            Self.forgetOld(&workers, now)
            seen[environment] = workers.isEmpty ? nil : workers
            return workers.count
        }
    }

    private static func forgetOld(_ workers: inout [String: Timestamp], _ now: Timestamp) {
        workers = workers.filter { now.since($0.value) <= window }
    }
}
