internal import Synchronization

/// The secrets of one sandbox as they are now. Whoever serves the session replaces them while it runs; the gate looks here
/// anew for every request, so a new value, a narrower host or a withdrawal counts from the next request on.
public final class SecretTable: Sendable {
    private let state: Mutex<[SecretBinding]>

    public init(_ bindings: [SecretBinding] = []) { state = Mutex(bindings) }

    /// The secrets in force. Costs a lock, no copy.
    public var bindings: [SecretBinding] { state.withLock { $0 } }

    public func replace(with bindings: [SecretBinding]) { state.withLock { $0 = bindings } }
}
