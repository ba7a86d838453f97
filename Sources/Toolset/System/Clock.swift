internal import Glibc

/// Time since boot; values passed into the tools so that tests can run their own.
package enum Clock {
    /// Milliseconds that never jump.
    package static func milliseconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
    }
}
