internal import Sandbox
internal import Wire

/// `config.json` of one sandbox, by the OCI runtime specification. Pure.
struct ContainerBundle: Sendable {
    /// What programs inside run as.
    static let user = 1000
    /// The port inside at which the daemon takes connections to the outside.
    static let proxyPort = 3128
    static let daemonFolder = "/opt/perimeter"
    static let execd = daemonFolder + "/execd"
    static let listener: Int32 = 3
    /// Where the daemon listens in a kernel of its own: a name that nobody takes from it while it lives.
    static let socket = "@perimeter-execd"
    /// What must be a folder in every root file system, for something to be mounted there.
    static let mountPoints = ["proc", "dev", "sys", "tmp", "run", "workspace", "opt/perimeter"]

    var spec: SandboxSpec
    /// On the host: the root file system, the folder with the daemon, the work directory.
    var root: String
    var daemonFolder: String
    var work: String
    /// The users on the host that the container's root and its programs are.
    var rootUser: UInt32
    var programUser: UInt32
    /// Below the mounts of the control groups; nil leaves the container in the groups of its runtime.
    var cgroup: String?
    /// Where the container has a kernel of its own, which inherits nothing: what the daemon's callers say first.
    var token: ExecdToken?

    var graphics: GraphicsGrant?

    var json: JSON {
        [
            "ociVersion": "1.0.2", "hostname": "sandbox",
            // gVisor would mount it once more to make it read-only, which the options that it has do not allow. It is mounted so.
            "root": ["path": .string(root), "readonly": .bool(token == nil)],
            "process": process, "mounts": .array(mounts), "linux": linux,
        ]
    }

    /// The program inside.
    var command: [String] {
        let role = token == nil ? ["--listen-fd", "\(Self.listener)"] : ["--listen", Self.socket] + guards
        return role + [
            "--workdir", "/workspace", "--root", "/tmp", "--proxy-port",
            spec.network == .none ? "0" : "\(Self.proxyPort)", "--output-limit", "\(spec.limits.outputBytes)",
            "--read-only-root", "/usr", "--confine",
        ]
    }

    /// The bounds that the container's own kernel holds. Those on the host end the container with all that is in it.
    private var guards: [String] {
        ["--process-limit", "\(spec.limits.processes)", "--memory-limit", "\(spec.limits.memoryBytes)"]
    }

    private var variables: [String] {
        environment.map { "\($0.name)=\($0.value)" }
            + (token.map { ["\(ExecdToken.variable)=\($0.exposed)"] } ?? [])
    }

    private var process: JSON {
        let sets = ["bounding", "effective", "inheritable", "permitted", "ambient"]
        return [
            "terminal": false, "user": ["uid": JSON(Self.user), "gid": JSON(Self.user)], "cwd": "/workspace",
            "args": .array(([Self.execd] + command).map { .string($0) }),
            "env": .array(variables.map { .string($0) }),
            "capabilities": .object(JSON.Object(sets.map { (key: $0, value: [JSON]().asJSON) })),
            "rlimits": [["type": "RLIMIT_CORE", "soft": 0, "hard": 0]], "noNewPrivileges": true,
        ]
    }

    private var mounts: [JSON] {
        // Memory file systems count against the memory bound. Their sizes stay well below it together: what fills them
        // must not push the daemon out, which no killing of programs could prevent.
        let unit = max(1 << 16, spec.limits.memoryBytes / 32)
        return [
            Self.mount("proc", "proc", at: "/proc", ["nosuid", "noexec", "nodev"]),
            Self.memory(at: "/dev", ["nosuid", "noexec", "mode=755", "size=65536"]),
            // All terminals of the host's containers come out of one number; a sandbox must not use it up.
            Self.mount(
                "devpts", "devpts", at: "/dev/pts",
                ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "max=256"]),
            Self.memory(at: "/dev/shm", ["nosuid", "nodev", "noexec", "mode=1777", "size=\(4 * unit)"]),
            Self.memory(at: "/tmp", ["nosuid", "nodev", "mode=1777", "size=\(12 * unit)"]),
            Self.memory(at: "/run", ["nosuid", "nodev", "mode=755", "size=\(unit)"]),
            Self.mount("bind", daemonFolder, at: Self.daemonFolder, ["bind", "ro", "nosuid", "nodev"]),
            Self.mount("bind", work, at: "/workspace", ["bind", "rw", "nosuid", "nodev"]),
        ] + graphicsMounts
    }

    static func mount(_ type: String, _ source: String, at target: String, _ options: [String]) -> JSON {
        [
            "destination": .string(target), "type": .string(type), "source": .string(source),
            "options": .array(options.map { .string($0) }),
        ]
    }

    private static func memory(at target: String, _ options: [String]) -> JSON {
        mount("tmpfs", "tmpfs", at: target, options)
    }

    private var linux: JSON {
        let kinds = ["pid", "network", "ipc", "uts", "mount", "user"]
        var members: [(key: String, value: JSON)] = [
            ("namespaces", .array(kinds.map { ["type": .string($0)] })), ("uidMappings", identities),
            ("gidMappings", identities),
        ]
        if token == nil {
            members += [
                ("maskedPaths", .array(Self.masked.map { .string($0) })),
                ("readonlyPaths", .array(Self.readOnly.map { .string($0) })), ("seccomp", SyscallAllowList.json),
            ]
        } else {
            members.append(("seccomp", SyscallAllowList.guest))
        }
        if let cgroup {
            members += [
                ("cgroupsPath", .string(cgroup)),
                // The bounds are written to the groups by the engine; only devices are the runtime's.
                ("resources", ["devices": .array([["allow": false, "access": "rwm"]] + graphicsRules)]),
            ]
        }
        return .object(JSON.Object(members))
    }

    /// Two users, neither of whom is anybody on the host. The container's root sets it up and runs nothing afterwards.
    private var identities: JSON {
        [
            ["containerID": 0, "hostID": .integer(Int64(rootUser)), "size": 1],
            ["containerID": JSON(Self.user), "hostID": .integer(Int64(programUser)), "size": 1],
        ]
    }

    private static let masked = [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
        "/sys/devices/virtual/powercap",
    ]
    private static let readOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
}

extension [JSON] {
    fileprivate var asJSON: JSON { .array(self) }
}
