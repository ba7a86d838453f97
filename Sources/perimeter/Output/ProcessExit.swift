#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The end of the process.
enum ProcessExit {
    static func exit(_ status: Int32) -> Never {
        #if canImport(Glibc)
            Glibc.exit(status)
        #else
            Darwin.exit(status)
        #endif
    }

    /// Ends at once, without running anything else: for the second signal.
    static func exitNow(_ status: Int32) -> Never { _exit(status) }
}
