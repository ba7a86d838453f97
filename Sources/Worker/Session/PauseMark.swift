internal import Sandbox

/// The note on this host that a session's sandbox is paused, so that it is kept while nobody serves the session.
struct PauseMark: Sendable {
    let folder: SessionFolder
    let session: RemoteID

    func set() async throws(SandboxError) {
        do throws(WorkerError) { try await folder.markPaused(session) } catch {
            throw SandboxError(.unavailable, "the worker could not note that the sandbox is paused", cause: error)
        }
    }

    func clear() async { await folder.unmarkPaused(session) }
}
