internal import Glibc

/// A program that runs containers by the OCI runtime specification, and its command line.
public enum OCIRuntime: String, Sendable, CaseIterable {
    case crun, runc
    /// gVisor: each container has a kernel of its own, in user space.
    case runsc

    /// The first that is installed; crun, the faster one, where none is.
    public static var installed: OCIRuntime { allCases.first(where: \.isInstalled) ?? .crun }

    /// Whether it is where packages put it.
    public var isInstalled: Bool { path(chosen: nil) != nil }

    /// Where Debian and the upstream releases put it.
    private var usualPaths: [String] { ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map { "\($0)/\(rawValue)" } }

    /// The executable; nil when it is not there.
    /// - Parameter chosen: nil looks where packages put it.
    func path(chosen: String?) -> String? { (chosen.map { [$0] } ?? usualPaths).first { access($0, X_OK) == 0 } }

    /// Whether its containers have kernels of their own.
    var bringsKernel: Bool { self == .runsc }

    /// Whether it can be told to leave control groups alone; the one that cannot is told which to use.
    var leavesGroupsAlone: Bool { self != .runc }

    /// Starts the container of a bundle and returns when its first process runs, which inherits descriptor 3. Not for runsc.
    /// - Parameter state: a folder of this container's own.
    func run(_ name: String, bundle: String, state: String, pidFile: String) -> [String] {
        ["--root", state] + (leavesGroupsAlone ? ["--cgroup-manager=disabled"] : [])
            + ["run", "--detach", "--preserve-fds", "1", "--bundle", bundle, "--pid-file", pidFile, name]
    }
}

/// How gVisor gets hold of the system calls of what it runs.
public enum RunscPlatform: String, Sendable, CaseIterable {
    /// Works everywhere; the slowest.
    case ptrace
    /// Faster; in releases since 2023.
    case systrap
    /// Needs virtualisation that works.
    case kvm
}
