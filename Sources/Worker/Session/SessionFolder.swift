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

    func journalPath(_ session: RemoteID) -> String { "\(root)/\(session)/calls.journal" }
    private func markPath(_ session: RemoteID) -> String { "\(root)/\(session)/in-use" }

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

    /// Sandboxes that somebody on this host uses or may come back to.
    func marked() async -> Set<SandboxID> {
        let root = root
        return await queue.run {
            Set(
                JournalFile.names(in: root).compactMap { name -> SandboxID? in
                    guard let age = JournalFile.age("\(root)/\(name)/in-use"), age <= Self.protection else {
                        return nil
                    }
                    return SandboxID(name)
                })
        }
    }
}
