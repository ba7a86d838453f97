internal import Archive
internal import Logging
internal import Sandbox
internal import Wire

/// Removes snapshots and archives beyond the operator's bounds, and the files of sessions that the server says are over.
struct RetentionSweeper: Sendable {
    let policy: RetentionPolicy
    let provider: any SandboxProvider
    let archive: SnapshotArchive?
    let files: (any SessionFiles)?
    let folder: SessionFolder
    let queue: QueueClient
    let clock: any WallClock
    let logger: Logger

    /// Sessions that one question is about.
    private static let questionSize = 500

    /// Removes what is kept too long.
    /// - Parameter ended: as ``endedSessions(sparing:)`` has it; their sandboxes are gone.
    func sweep(removingFilesOf ended: [SandboxID]) async {
        await removeSnapshots()
        await removeArchives()
        for id in ended {
            await files?.remove(id)
            if let session = RemoteID(id.rawValue) { await folder.forget(session) }
            logger.info("files of an ended session removed", metadata: ["session_id": "\(id)"])
        }
    }

    private var now: Int { Int(clock.now().microseconds / 1_000_000) }

    private func removeSnapshots() async {
        guard policy.snapshots != RetentionPolicy.Rule() else { return }
        let kept = await provider.snapshots().map { (name: $0.id.rawValue, createdAt: $0.createdAt) }
        for name in policy.snapshots.expired(among: kept, now: now) {
            guard let id = SnapshotID(name) else { continue }
            do throws(SandboxError) {
                try await provider.removeSnapshot(id)
                logger.info("snapshot removed after its time", metadata: ["snapshot": "\(name)"])
            } catch {
                logger.warning("snapshot not removed", metadata: ["snapshot": "\(name)", "code": "\(error.code)"])
            }
        }
    }

    private func removeArchives() async {
        await archive?.removeLeftovers()
        guard let archive, policy.archives != RetentionPolicy.Rule() else { return }
        do throws(ArchiveFailure) {
            let kept = try await archive.list()
            let expired = Set(
                policy.archives.expired(among: kept.map { (name: $0.name, createdAt: $0.createdAt) }, now: now))
            for entry in kept where expired.contains(entry.name) {
                try await archive.remove(entry)
                logger.info("archived snapshot removed after its time", metadata: ["snapshot": "\(entry.name)"])
            }
        } catch {
            logger.warning("archive not swept", metadata: ["code": "\(error.code)", "reason": "\(error.message)"])
        }
    }

    /// Asks the server which sessions with files here are over for long enough, and counts the files of all that may live as used
    /// today: an engine takes what nobody used for a month for forgotten.
    /// - Parameter live: sandboxes that are in use or paused; they are not asked about.
    func endedSessions(sparing live: Set<SandboxID>) async -> [SandboxID] {
        guard let files else { return [] }
        var over: [SandboxID] = []
        let candidates = await files.sessions().subtracting(live).sorted { $0.rawValue < $1.rawValue }
        for start in stride(from: 0, to: candidates.count, by: Self.questionSize) {
            let asked = Array(candidates[start..<min(candidates.count, start + Self.questionSize)])
            do throws(WorkerError) {
                let ends = try await queue.ends(of: asked)
                over += ends.over(after: policy.archivedSessionDays, now: clock.now()).filter { asked.contains($0) }
                for id in ends.states.keys where asked.contains(id) && !over.contains(id) { await files.touch(id) }
            } catch {
                logger.debug("ended sessions not known", metadata: ["code": "\(error.code)"])
                // A server of another kind has no answer, and leaves it to the month; one that is away has not said anything.
                guard error.code != .notFound else { return over }
                for id in asked { await files.touch(id) }
            }
        }
        return over
    }
}
