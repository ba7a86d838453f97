internal import Logging
internal import Loop
internal import Models
internal import Store
internal import Wire

/// Drives one session under its lease, until nothing happens for a while.
struct SessionDriver {
    let orchestrator: Orchestrator
    let id: SessionID

    private var store: Store { orchestrator.store }
    private var logger: Logger {
        var logger = orchestrator.logger
        logger[metadataKey: "session_id"] = "\(id)"
        return logger
    }

    /// Never throws: what goes wrong is logged, and the session stays runnable for the next driver.
    func run() async {
        let lease: SessionLease
        do {
            guard
                let held = try await store.acquireLease(
                    on: id, owner: orchestrator.owner, for: orchestrator.configuration.leaseTime)
            else { return }
            lease = held
        } catch {
            logger.error("cannot take a session's lease", metadata: ["error": "\(error)"])
            return
        }
        let fence = lease.fence
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.renew(fence) }
            group.addTask {
                do {
                    let run = try await SessionRun(orchestrator: orchestrator, lease: lease, logger: logger)
                    try await run.drive()
                } catch is CancellationError {
                } catch let error as StoreError where error.code == .fenced {
                    logger.debug("the session was taken over or ended")
                } catch {
                    logger.error("a session's driver failed", metadata: ["error": "\(error)"])
                    try? await Task.sleep(for: .seconds(1))
                }
            }
            await group.next()
            group.cancelAll()
        }
        do { try await store.releaseLease(on: id, fence: fence) } catch {
            logger.warning("cannot release a lease: it will expire", metadata: ["error": "\(error)"])
        }
    }

    /// Keeps the lease alive; returns when it is lost, which ends the driver.
    private func renew(_ fence: Int) async {
        let time = orchestrator.configuration.leaseTime
        while true {
            do {
                try await Task.sleep(for: time / 3)
                guard try await store.renewLease(on: id, fence: fence, for: time) else { return }
            } catch is CancellationError {
                return
            } catch {
                logger.warning("cannot renew a lease", metadata: ["error": "\(error)"])
            }
        }
    }
}
