internal import Logging

/// Claims items while there is a free slot, and hands each to a child task.
struct ClaimLoop: Sendable {
    let queue: QueueClient
    let slots: Int
    let roster: IdleRoster
    /// Opens when nothing more is to be claimed.
    let shutdown: Latch
    let logger: Logger

    /// Returns when shutdown was asked for and everything claimed was served.
    /// - Throws: the refusal of a poll that would meet it again; what is being served is drained first.
    func run(_ serve: @escaping @Sendable (WorkItem) async -> Void) async throws(WorkerError) {
        let result: Result<Void, WorkerError> = await withTaskGroup(of: Void.self) { group in
            var active = 0
            while true {
                if active == slots {
                    // A free slot first, then a claim: never hold work that cannot start.
                    roster.makeRoom()
                    await group.next()
                    roster.madeRoom()
                    active -= 1
                    continue
                }
                do throws(WorkerError) {
                    guard let item = try await claim() else { break }
                    active += 1
                    group.addTask { await serve(item) }
                } catch {
                    logger.error("queue refuses this worker", metadata: ["reason": "\(error.message)"])
                    shutdown.open()
                    await group.waitForAll()
                    return .failure(error)
                }
            }
            await group.waitForAll()
            return .success(())
        }
        try result.get()
    }

    /// Polls until there is an item; nil when shutdown was asked for.
    private func claim() async throws(WorkerError) -> WorkItem? {
        let clock = ContinuousClock()
        var backoff = Backoff(first: .seconds(1), limit: .seconds(60))
        while !shutdown.isOpen, !Task.isCancelled {
            let askedAt = clock.now
            let answer: Result<QueueClient.PollAnswer, WorkerError> = await shutdown.cancelling {
                do throws(WorkerError) { return .success(try await queue.poll()) } catch { return .failure(error) }
            }
            switch answer {
            case .success(.item(let item)):
                return item
            case .success(.nothing):
                backoff.reset()
                // Our server held the question. One that did not must not be asked in a hot loop.
                if clock.now - askedAt < .milliseconds(50) { await shutdown.wait(atMost: .milliseconds(250)) }
            case .failure(let error) where error.code == .cancelled:
                continue
            case .failure(let error):
                guard error.isRetryable || error.code == .malformed else { throw error }
                logger.warning("poll failed", metadata: ["code": "\(error.code)"])
                await shutdown.wait(atMost: backoff.next(jitter: .random(in: 0...1)))
            }
        }
        return nil
    }
}
