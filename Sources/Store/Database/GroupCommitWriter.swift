internal import Dispatch
internal import GRDB
internal import Synchronization

/// Collects concurrent writes and gives each batch one transaction, so that they share one fsync.
///
/// A batch is whatever arrived while the previous one was being committed: no timer, no added latency when idle.
final class GroupCommitWriter: Sendable {
    private struct Job: Sendable {
        /// Runs the closure; returns nil, or what it threw.
        let run: @Sendable (SQLiteConnection) -> (any Error)?
        /// Tells the caller: nil after the commit, or why nothing was stored.
        let finish: @Sendable ((any Error)?) -> Void
    }
    private struct State {
        var waiting: [Job] = []
        var isDraining = false
        var isStopped = false
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "perimeter.store.writer")
    private let pool: DatabasePool
    private let limit: Int
    /// The most writes that share one transaction: bounds the latency of the first one.
    private static let batchLimit = 256

    init(pool: DatabasePool, limit: Int) {
        self.pool = pool
        self.limit = limit
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
            let outcome = Outcome<Value>()
            let job = Job(
                run: { connection in
                    do {
                        let value = try body(connection)
                        outcome.value.withLock { $0 = value }
                        return nil
                    } catch { return error }
                },
                finish: { error in
                    if let error { return continuation.resume(throwing: error) }
                    guard let value = outcome.value.withLock({ $0 }) else {
                        return continuation.resume(throwing: StoreError(.failed, "a write ended without a value"))
                    }
                    continuation.resume(returning: value)
                })
            let refusal: StoreError? = state.withLock { state in
                if state.isStopped { return StoreError(.closed, "the store is closed") }
                guard state.waiting.count < limit else { return StoreError(.overloaded, "too many writes are waiting") }
                state.waiting.append(job)
                if !state.isDraining {
                    state.isDraining = true
                    queue.async { self.drain() }
                }
                return nil
            }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }

    /// Refuses further writes and returns when the accepted ones are done.
    func stop() async {
        state.withLock { $0.isStopped = true }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async { continuation.resume() }
        }
    }

    private func drain() {
        while true {
            let batch: [Job] = state.withLock { state in
                let batch = Array(state.waiting.prefix(Self.batchLimit))
                state.waiting.removeFirst(batch.count)
                if batch.isEmpty { state.isDraining = false }
                return batch
            }
            if batch.isEmpty { return }
            commit(batch)
        }
    }

    private func commit(_ batch: [Job]) {
        var errors: [(any Error)?] = Array(repeating: nil, count: batch.count)
        do {
            try pool.writeWithoutTransaction { database in
                let connection = SQLiteConnection(database: database)
                try connection.execute("BEGIN IMMEDIATE")
                do {
                    for (index, job) in batch.enumerated() {
                        try connection.execute("SAVEPOINT job")
                        if let error = job.run(connection) {
                            errors[index] = error
                            try connection.execute("ROLLBACK TO job")
                        }
                        try connection.execute("RELEASE job")
                    }
                    try connection.execute("COMMIT")
                } catch {
                    try? database.execute(sql: "ROLLBACK")
                    throw error
                }
            }
        } catch {
            let failure = StoreError(.failed, "the commit failed", cause: error)
            for index in errors.indices where errors[index] == nil { errors[index] = failure }
        }
        for (job, error) in zip(batch, errors) { job.finish(error) }
    }
}

/// Carries a result out of the writer's closure.
private final class Outcome<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
}
