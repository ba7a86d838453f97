/// A program that runs containers by the OCI runtime specification, and its command line. Pure.
public enum OCIRuntime: String, Sendable, CaseIterable {
    case crun, runc, runsc

    /// Where Debian and the upstream releases put it.
    public var usualPaths: [String] { ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map { "\($0)/\(rawValue)" } }

    /// Whether a container shares the host's kernel. The other one has a kernel of its own in user space.
    var sharesKernel: Bool { self != .runsc }

    /// Whether it hands descriptors down to the container's first process. Without it, the daemon listens at a path inside.
    var preservesDescriptors: Bool { sharesKernel }

    /// Whether it can be told to leave control groups alone; the one that cannot is told which to use.
    var leavesGroupsAlone: Bool { self != .runc }

    /// - Parameter state: a folder of this container's own.
    private func global(_ state: String) -> [String] {
        switch self {
        case .crun: ["--root", state, "--cgroup-manager=disabled"]
        case .runc: ["--root", state]
        case .runsc: ["--root", state, "--platform=ptrace", "--network=none", "--ignore-cgroups"]
        }
    }

    /// Starts the container of a bundle and returns when its first process runs.
    func run(_ name: String, bundle: String, state: String, pidFile: String) -> [String] {
        switch self {
        case .crun, .runc:
            global(state) + ["run", "--detach", "--preserve-fds", "1", "--bundle", bundle, "--pid-file", pidFile, name]
        case .runsc:
            global(state) + ["run", "-detach", "-bundle", bundle, "-pid-file", pidFile, name]
        }
    }

    /// Runs a program beside the first process, with the caller's standard input and output.
    func execute(_ command: [String], in name: String, state: String) -> [String] {
        let user = ["--user", "\(ContainerBundle.user):\(ContainerBundle.user)"]
        return global(state) + ["exec"] + user + [name] + command
    }

    /// Ends a container and forgets it.
    func delete(_ name: String, state: String) -> [String] {
        global(state) + ["delete", self == .runsc ? "-force" : "--force", name]
    }
}
