internal import Sandbox
internal import Synchronization
internal import Wire

/// Removes sandboxes that nobody serves or will come back to, and keeps the marks of those that are served fresh.
final class SandboxSweeper: Sendable {
    private struct State {
        /// Sessions of this process, each with the latch that its present holder opens at its end.
        var served: [RemoteID: Latch] = [:]
        /// Open unless a sweep is under way, which must not meet a sandbox that it has not heard of.
        var sweepEnded: Latch?
    }
    private let provider: any SandboxProvider
    private let folder: SessionFolder
    private let retention: RetentionSweeper?
    private let state = Mutex(State())
    private static let period = Duration.seconds(60)

    /// Sweeps from one look at what is kept too long to the next.
    private static let retentionInterval = 10

    init(provider: any SandboxProvider, folder: SessionFolder, retention: RetentionSweeper? = nil) {
        self.retention = retention
        self.provider = provider
        self.folder = folder
    }

    /// Sweeps at once and then every minute, until the task is cancelled.
    func run() async {
        for round in 0... {
            await sweep(withRetention: round % Self.retentionInterval == 0)
            guard !Task.isCancelled else { return }
            try? await Task.sleep(for: Self.period)
        }
    }

    private func sweep(withRetention isDue: Bool) async {
        let ended = Latch()
        let sessions = state.withLock { state in
            state.sweepEnded = ended
            return Array(state.served.keys)
        }
        // A mark that cannot be refreshed still protects for minutes, and the session's own id is kept below.
        for session in sessions { try? await folder.mark(session) }
        let live = await folder.marked().union(sessions.compactMap { SandboxID($0.rawValue) })
        // In the same pause: no session of this host comes back while its files are looked at.
        let over = isDue ? await retention?.endedSessions(sparing: live) ?? [] : []
        await provider.sweep(keeping: live)
        if isDue { await retention?.sweep(removingFilesOf: over) }
        state.withLock { $0.sweepEnded = nil }
        ended.open()
    }

    /// Runs `body` with the item's session counted as served. An item whose session this process still lets go of waits.
    func serving(_ item: WorkItem, _ body: () async -> Void) async {
        guard case .session(let session) = item.kind else { return await body() }
        await keeping(session, body)
    }

    /// As ``serving(_:_:)``, for a sandbox that bears this name.
    func keeping(_ session: RemoteID, _ body: () async -> Void) async {
        let mine = Latch()
        while let obstacle = state.withLock({ state -> Latch? in
            if let obstacle = state.sweepEnded ?? state.served[session] { return obstacle }
            state.served[session] = mine
            return nil
        }) {
            await obstacle.wait()
            guard !Task.isCancelled else { return }
        }
        await body()
        state.withLock { $0.served[session] = nil }
        mine.open()
    }
}
