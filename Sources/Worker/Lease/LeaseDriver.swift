/// Keeps the lease of one item until it ends.
struct LeaseDriver: Sendable {
    let queue: QueueClient
    let item: WorkItem
    let leaseSeconds: Int

    /// Beats at once and then in time; returns why the lease is over, or nil when the task was cancelled.
    func run() async -> LeaseMachine.End? {
        let clock = ContinuousClock()
        var machine = LeaseMachine(now: clock.now)
        while !Task.isCancelled {
            switch machine.tick(now: clock.now) {
            case .end(let end):
                return end
            case .wait(let instant):
                try? await clock.sleep(until: instant)
            case .heartbeat(let expected, let timeout):
                let sentAt = clock.now
                do throws(WorkerError) {
                    let answer = try await queue.heartbeat(
                        item, expected: expected, desiredSeconds: leaseSeconds, timeout: timeout)
                    machine.answered(answer, sentAt: sentAt)
                } catch {
                    machine.failed(error, now: clock.now)
                }
            }
        }
        return nil
    }
}
