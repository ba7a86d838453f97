internal import Glibc

/// A program that runs containers by the OCI runtime specification, and its command line.
public enum OCIRuntime: String, Sendable, CaseIterable {
    case crun, runc

    /// The first that is installed; crun, the faster one, where none is.
    public static var installed: OCIRuntime { allCases.first { $0.path(chosen: nil) != nil } ?? .crun }

    /// Where Debian and the upstream releases put it.
    private var usualPaths: [String] { ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map { "\($0)/\(rawValue)" } }

    /// The executable; nil when it is not there.
    /// - Parameter chosen: nil looks where packages put it.
    func path(chosen: String?) -> String? { (chosen.map { [$0] } ?? usualPaths).first { access($0, X_OK) == 0 } }

    /// Whether it can be told to leave control groups alone; the one that cannot is told which to use.
    var leavesGroupsAlone: Bool { self == .crun }

    /// Starts the container of a bundle and returns when its first process runs, which inherits descriptor 3.
    /// - Parameter state: a folder of this container's own.
    func run(_ name: String, bundle: String, state: String, pidFile: String) -> [String] {
        ["--root", state] + (leavesGroupsAlone ? ["--cgroup-manager=disabled"] : [])
            + ["run", "--detach", "--preserve-fds", "1", "--bundle", bundle, "--pid-file", pidFile, name]
    }
}
