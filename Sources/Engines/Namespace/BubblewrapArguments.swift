internal import Sandbox

/// The command line of bubblewrap for one sandbox. Pure.
struct BubblewrapArguments {
    /// Descriptors that bubblewrap and the daemon find open.
    enum Descriptor {
        static let listener: Int32 = 3
        static let arguments: Int32 = 4
        static let seccomp: Int32 = 5
        /// Tells which process is the first inside.
        static let information: Int32 = 6
        /// Nothing inside runs before this has been closed at the other end.
        static let start: Int32 = 7
    }
    /// The port inside at which the daemon takes connections to the outside.
    static let proxyPort = 3128
    /// Where programs look names up (RFC 1035 §4.2).
    static let namePort = 53
    /// The user and group that programs inside see.
    static let insideUser = 1000
    private static let execd = "/opt/perimeter/execd"

    var work: String
    var execdSource: String
    /// The folder that ``ConfigurationMirror`` keeps.
    var etc: String
    var hasProxy: Bool
    /// Whether the launcher prepares the sandbox's network before anything runs in it.
    var waitsForNetwork = false
    var limits: ResourceLimits
    /// Nodes of the host and their names inside.
    var devices: [(path: String, name: String)] = []
    /// Folders of the host's root that are links into /usr, with their targets; the others are bound as they are.
    var rootLinks: [(name: String, target: String?)]

    /// What bubblewrap reads from its descriptor.
    var options: [String] {
        isolation + system + folders + variables + ["--seccomp", "\(Descriptor.seccomp)"]
            + (waitsForNetwork
                ? ["--info-fd", "\(Descriptor.information)", "--block-fd", "\(Descriptor.start)"] : [])
    }

    /// The program inside.
    var command: [String] {
        [
            Self.execd, "--listen-fd", "\(Descriptor.listener)", "--workdir",
            "/workspace", "--root", "/tmp", "--proxy-port", hasProxy ? "\(Self.proxyPort)" : "0", "--output-limit",
            "\(limits.outputBytes)", "--read-only-root", "/usr", "--confine",
        ] + (hasProxy ? ["--name-port", "\(Self.namePort)"] : [])
    }

    private var isolation: [String] {
        [
            "--unshare-all", "--unshare-user", "--disable-userns", "--as-pid-1", "--new-session", "--clearenv",
            "--hostname", "sandbox", "--uid", "\(Self.insideUser)", "--gid", "\(Self.insideUser)", "--cap-drop", "ALL",
        ]
    }

    private var system: [String] {
        var arguments = ["--ro-bind", "/usr", "/usr"]
        for (name, target) in rootLinks {
            arguments += target.map { ["--symlink", $0, "/\(name)"] } ?? ["--ro-bind", "/\(name)", "/\(name)"]
        }
        return arguments + ["--ro-bind", etc, "/etc"]
    }

    private var folders: [String] {
        // Memory file systems count against the memory bound. Their sizes stay well below it together: what fills them
        // must not push the daemon out, which no killing of programs could prevent.
        let unit = max(1 << 16, limits.memoryBytes / 32)
        return [
            "--proc", "/proc", "--dev", "/dev",
        ] + devices.flatMap { ["--dev-bind", $0.path, "/dev/\($0.name)"] } + [
            "--perms", "1777", "--size", "\(4 * unit)", "--tmpfs", "/dev/shm",
            "--remount-ro", "/dev", "--perms", "1777", "--size", "\(12 * unit)", "--tmpfs", "/tmp", "--perms", "0755",
            "--size", "\(unit)", "--tmpfs", "/run", "--perms", "0755", "--size", "\(unit)", "--tmpfs", "/var",
            "--perms",
            "1777", "--dir", "/var/tmp", "--dir", "/opt/perimeter", "--ro-bind", execdSource, Self.execd, "--bind",
            work,
            "/workspace", "--chdir", "/workspace", "--remount-ro", "/",
        ]
    }

    private var variables: [String] {
        ProgramEnvironment.standard.flatMap { ["--setenv", $0.name, $0.value] }
    }
}
