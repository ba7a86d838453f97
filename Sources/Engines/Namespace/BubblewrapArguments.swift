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
    /// What the root of a changeable system may do beyond other users, to files and programs of its own users only.
    private static let rootCapabilities = [
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETUID", "SETGID", "NET_BIND_SERVICE",
    ]
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
    /// A system that has changed, or may; nil for the host's.
    var view: SystemMounts.View?

    private var isRoot: Bool { view?.userNamespace != nil }

    /// What bubblewrap reads from its descriptor.
    var options: [String] {
        isolation + system + folders + variables + ["--seccomp", "\(Descriptor.seccomp)"]
            + (waitsForNetwork
                ? ["--info-fd", "\(Descriptor.information)", "--block-fd", "\(Descriptor.start)"] : [])
    }

    /// The program inside.
    var command: [String] {
        [
            Self.execd, "--listen-fd", "\(Descriptor.listener)", "--workdir", "/workspace", "--proxy-port",
            hasProxy ? "\(Self.proxyPort)" : "0", "--output-limit", "\(limits.outputBytes)", "--confine",
        ] + roots + (hasProxy ? ["--name-port", "\(Self.namePort)"] : [])
    }

    /// Where the file tools work beside the work directory, and what its root may write beside the folders that every
    /// program may (see `--confine`).
    private var roots: [String] {
        guard isRoot else { return ["--root", "/tmp", "--read-only-root", "/usr"] }
        let own = (["usr", "etc"] + SystemMounts.folders.map(\.name)).map { "/\($0)" }
        return (["/tmp"] + own).flatMap { ["--root", $0] } + own.flatMap { ["--writable", $0] }
    }

    private var isolation: [String] {
        if isRoot {
            // It starts in its user namespace, as its root.
            return [
                "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup", "--as-pid-1",
            ]
                + ["--new-session", "--clearenv", "--hostname", "sandbox", "--cap-drop", "ALL"]
                + Self.rootCapabilities.flatMap { ["--cap-add", "CAP_\($0)"] }
        }
        return [
            "--unshare-all", "--unshare-user", "--disable-userns", "--as-pid-1", "--new-session", "--clearenv",
            "--hostname", "sandbox", "--uid", "\(Self.insideUser)", "--gid", "\(Self.insideUser)", "--cap-drop", "ALL",
        ]
    }

    private var system: [String] {
        var arguments = [bind, view?.usr ?? "/usr", "/usr"]
        for (name, target) in rootLinks {
            arguments += target.map { ["--symlink", $0, "/\(name)"] } ?? ["--ro-bind", "/\(name)", "/\(name)"]
        }
        return arguments + [bind, view?.etc ?? etc, "/etc"]
    }

    private var bind: String { isRoot ? "--bind" : "--ro-bind" }

    /// `/var`, `/opt` and others of a system of its own.
    private func own(_ view: SystemMounts.View, _ unit: Int) -> [String] {
        let names = isRoot ? SystemMounts.folders.map(\.name) : ["var", "opt"]
        return names.flatMap { [bind, "\(view.folders)/\($0)", "/\($0)"] }
            + (view.packages.map { [bind, $0, SystemBase.packages] } ?? [])
            + (isRoot ? [] : ["--perms", "1777", "--size", "\(unit)", "--tmpfs", "/var/tmp"])
    }

    private var folders: [String] {
        // Memory file systems count against the memory bound. Their sizes stay well below it together: what fills them
        // must not push the daemon out, which no killing of programs could prevent.
        let unit = max(1 << 16, limits.memoryBytes / 32)
        var arguments = ["--proc", "/proc", "--dev", "/dev"]
        for device in devices { arguments += ["--dev-bind", device.path, "/dev/\(device.name)"] }
        arguments += ["--perms", "1777", "--size", "\(4 * unit)", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
        arguments += ["--perms", "1777", "--size", "\(12 * unit)", "--tmpfs", "/tmp"]
        arguments += ["--perms", "0755", "--size", "\(unit)", "--tmpfs", "/run"]
        if let view {
            arguments += own(view, unit)
        } else {
            arguments += ["--perms", "0755", "--size", "\(unit)", "--tmpfs", "/var", "--perms", "1777"]
            arguments += ["--dir", "/var/tmp", "--dir", "/opt/perimeter"]
        }
        arguments += ["--ro-bind", execdSource, Self.execd, "--bind", work, "/workspace", "--chdir", "/workspace"]
        return arguments + ["--remount-ro", "/"]
    }

    private var variables: [String] {
        ProgramEnvironment.standard.flatMap { name, value in
            ["--setenv", name, isRoot && value == "agent" ? "root" : value]
        }
    }
}
