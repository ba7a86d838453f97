internal import Synchronization

/// Tells one running call to stop; set at most once, never unset.
package final class CancelToken: Sendable {
    private let flag = Atomic(false)
    private let event: WakeEvent

    package init() throws(SystemFailure) {
        event = try WakeEvent()
    }

    package func cancel() {
        flag.store(true, ordering: .releasing)
        event.signal()
    }

    package var isCancelled: Bool { flag.load(ordering: .acquiring) }

    /// Readable once the token is cancelled.
    package var descriptor: Int32 { event.descriptor.raw }
}
