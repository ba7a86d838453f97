internal import Glibc

/// What this host allows, as far as a container's limits depend on it.
enum HostLimits {
    /// Files that a process inside may have open: 65536, or less where not even this process may have as many.
    static var openFiles: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(min(limit.rlim_max, 65_536))
    }

    /// The highest process number: no user can have more processes.
    static var processNumbers: Int {
        HostFiles.text("/proc/sys/kernel/pid_max").flatMap { Int($0.split(separator: "\n").first ?? "") } ?? 32_768
    }
}
