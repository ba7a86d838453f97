internal import CLinux
internal import Glibc

/// Wakes a thread that waits in `poll`.
package final class WakeEvent: Sendable {
    package let descriptor: Descriptor

    package init() throws(SystemFailure) {
        descriptor = try Descriptor(opened: clinux_eventfd(), "eventfd")
    }

    package func signal() {
        var one: UInt64 = 1
        // A full counter already wakes the reader, so a failed write loses nothing.
        _ = write(descriptor.raw, &one, 8)
    }

    package func clear() {
        var count: UInt64 = 0
        _ = read(descriptor.raw, &count, 8)
    }
}
