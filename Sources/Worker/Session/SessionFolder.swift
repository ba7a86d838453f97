internal import Sandbox

/// What a worker keeps on its host about the sessions it serves: a journal each, and a mark that a sandbox is in use.
///
/// Marks outlive the process: after a restart they protect living sandboxes until their sessions come back, or until the
/// marks are too old.
struct SessionFolder: Sendable {
    let root: String
    let queue: BlockingQueue

    /// How long a mark protects a sandbox that nobody serves.
    static let protection = 600
    /// How long a paused sandbox is kept that nothing resumes, as long as files are: 30 days.
    static let pausedProtection = 30 * 86_400

    func journalPath(_ session: RemoteID) -> String { "\(root)/\(session)/calls.journal" }
    private func markPath(_ session: RemoteID) -> String { "\(root)/\(session)/in-use" }
    private func pausedPath(_ session: RemoteID) -> String { "\(root)/\(session)/\(Self.paused)" }
    private static let paused = "paused"

    func journal(_ session: RemoteID) async throws(WorkerError) -> CallJournal {
        try await CallJournal.open(journalPath(session), queue: queue)
    }

    /// Says that the session's sandbox is in use now.
    func mark(_ session: RemoteID) async throws(WorkerError) {
        let path = markPath(session)
        try await queue.run { () throws(WorkerError) in try JournalFile.touch(path) }
    }

    /// Says that the session's sandbox is gone; the folder goes too when no journal is left in it.
    func unmark(_ session: RemoteID) async {
        let (path, folder) = (markPath(session), "\(root)/\(session)")
        await queue.run {
            JournalFile.remove(path)
            JournalFile.remove(folder)
        }
    }

    /// Says, before it happens, that the session's sandbox is paused: it is kept while nobody serves the session.
    func markPaused(_ session: RemoteID) async throws(WorkerError) {
        let path = pausedPath(session)
        try await queue.run { () throws(WorkerError) in try JournalFile.touch(path) }
    }

    /// Says that the session's sandbox runs again, or is gone.
    func unmarkPaused(_ session: RemoteID) async {
        let path = pausedPath(session)
        await queue.run { JournalFile.remove(path) }
    }

    func isPaused(_ session: RemoteID) async -> Bool {
        let path = pausedPath(session)
        return await queue.run { JournalFile.age(path) != nil }
    }

    /// Removes all that is kept about a session that is over.
    func forget(_ session: RemoteID) async {
        let (paths, folder) = ([journalPath(session), markPath(session), pausedPath(session)], "\(root)/\(session)")
        await queue.run {
            for path in paths { JournalFile.remove(path) }
            JournalFile.remove(folder)
        }
    }

    /// Sandboxes that are paused, for as long as they are kept.
    func paused() async -> Set<SandboxID> { await sandboxes(under: Self.paused, upTo: Self.pausedProtection) }

    /// Sandboxes that somebody on this host uses or may come back to.
    func marked() async -> Set<SandboxID> {
        await sandboxes(under: "in-use", upTo: Self.protection).union(await paused())
    }

    private func sandboxes(under mark: String, upTo limit: Int) async -> Set<SandboxID> {
        let root = root
        return await queue.run {
            Set(
                JournalFile.names(in: root).compactMap { name -> SandboxID? in
                    guard let age = JournalFile.age("\(root)/\(name)/\(mark)"), age <= limit else { return nil }
                    return SandboxID(name)
                })
        }
    }
}
