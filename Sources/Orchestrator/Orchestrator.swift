public import Logging
public import Models
public import ServiceLifecycle
public import Store
internal import Synchronization
public import Wire

/// Drives every session that has something to do: takes its lease, asks the loop, performs the action, appends the outcome.
///
/// Several processes may run one each on the same store; a session has one driver at a time.
public struct Orchestrator: Service {
    let store: Store
    let models: ModelTable
    let previews: PreviewHub
    let configuration: OrchestratorConfiguration
    let clock: any WallClock
    let ids: any IdentifierSource
    let owner: String
    let logger: Logger

    /// - Parameters:
    ///   - previews: receives the deltas of running model requests, for opted-in streams.
    public init(
        store: Store, models: ModelTable, previews: PreviewHub,
        configuration: OrchestratorConfiguration = OrchestratorConfiguration(),
        clock: any WallClock = SystemWallClock(),
        logger: Logger
    ) {
        self.store = store
        self.models = models
        self.previews = previews
        self.configuration = configuration
        self.clock = clock
        ids = RandomIdentifierSource(clock: clock)
        owner = ids.next()
        self.logger = logger
    }

    /// Runs until graceful shutdown or cancellation. Sessions in the middle of a turn go on after the next start.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.dispatch() }
                group.addTask { await self.sweepLeases() }
                await group.waitForAll()
            }
        }
    }

    /// Starts a driver for each session that is runnable and free.
    private func dispatch() async {
        let active = ActiveSessions(limit: configuration.activeSessions)
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let mark = store.signals.mark(.runnable)
                var timeout = Duration.seconds(1)
                do {
                    for id in try await store.runnableSessions(limit: 256) where active.begin(id) {
                        group.addTask {
                            await SessionDriver(orchestrator: self, id: id).run()
                            active.end(id)
                        }
                    }
                    if let next = try await store.nextRunnableTime() {
                        timeout = min(timeout, max(.milliseconds(1), next.since(clock.now())))
                    }
                } catch is CancellationError {
                    return
                } catch {
                    logger.error("cannot read the runnable sessions", metadata: ["error": "\(error)"])
                }
                await store.signals.wait(for: .runnable, since: mark, timeout: timeout)
            }
        }
    }

    /// Puts the items of vanished workers back into their queues.
    private func sweepLeases() async {
        while !Task.isCancelled {
            do {
                let expired = try await store.expireWorkLeases(limit: configuration.lostLeases)
                if expired.requeued > 0 {
                    logger.warning(
                        "workers vanished: items are queued again", metadata: ["count": "\(expired.requeued)"])
                }
                for session in expired.stranded {
                    logger.error("a session lost its worker too often", metadata: ["session_id": "\(session)"])
                }
                try await Task.sleep(for: .milliseconds(500))
            } catch is CancellationError {
                return
            } catch {
                logger.error("cannot expire leases", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }
}

/// The sessions that have a driver in this process.
private final class ActiveSessions: Sendable {
    private let sessions = Mutex(Set<SessionID>())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func begin(_ id: SessionID) -> Bool {
        sessions.withLock { $0.count < limit && $0.insert(id).inserted }
    }
    func end(_ id: SessionID) { _ = sessions.withLock { $0.remove(id) } }
}
