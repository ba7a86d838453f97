internal import Synchronization

/// Counts what an exchange carried.
final class Tally: Sendable {
    private let counts = Mutex((out: 0, in: 0))

    var out: Int { counts.withLock { $0.out } }
    var `in`: Int { counts.withLock { $0.in } }

    func sent(_ bytes: Int) { counts.withLock { $0.out += bytes } }
    func received(_ bytes: Int) { counts.withLock { $0.in += bytes } }
}
