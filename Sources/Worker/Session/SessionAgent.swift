internal import Synchronization
internal import Wire

/// What the fetched session says about its agent, for the part that waits for it.
final class SessionAgent: Sendable {
    /// Opens when the session was fetched, or will not be.
    let fetched = Latch()
    private let value = Mutex<[JSON]>([])

    var skills: [JSON] { value.withLock { $0 } }
    func set(skills: [JSON]) { value.withLock { $0 = skills } }
}
