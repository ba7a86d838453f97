internal import Sandbox
internal import Wire

/// The body with which a sandbox's container is created. Pure.
struct ContainerRequest: Sendable {
    /// What programs inside run as.
    static let user = 1000
    /// The port inside at which the daemon takes connections to the outside.
    static let proxyPort = 3128
    static let execd = "/opt/perimeter/execd"
    /// The folder inside in which the daemon makes its socket, before anything else runs.
    static let socketFolder = "/run/perimeter"
    static let socketName = "execd.sock"
    static let workDirectory = "/workspace"
    /// Folders that are the engine's business or the kernel's.
    private static let reserved = ["/proc", "/sys", "/dev", "/opt/perimeter", "/run", "/etc"]

    var spec: SandboxSpec
    var image: ImageFacts
    /// Identifies the caller in later look-ups.
    var labels: [(key: String, value: String)]
    var token: ExecdToken
    /// On the host.
    var execdPath: String
    var socketFolder: String
    var workFolder: String
    var runtime: String?
    /// The most files that a process may have open: not more than the daemon can give.
    var openFiles: Int
    /// The kernel's own bound on processes. The limit of a user counts the processes of every sandbox, so it must not bite.
    var processNumbers: Int

    /// Why no sandbox is made from an image, or nil.
    static func refusal(of image: ImageFacts) -> String? {
        if image.operatingSystem != "linux" { return "the image is not for Linux" }
        if image.volumes.count > 16 { return "the image declares more than 16 volumes" }
        for volume in image.volumes where !isPlain(volume) {
            return "the image declares a volume at '\(DaemonFailure.printable(volume))'"
        }
        return nil
    }

    var body: JSON {
        .object(
            JSON.Object([
                ("Image", .string(image.id)),
                // Nothing of the image starts by itself: no entry point, no health check.
                ("Entrypoint", [.string(Self.execd)]),
                ("Cmd", .array(command.map { .string($0) })),
                ("Healthcheck", ["Test": ["NONE"]]),
                ("Env", .array(environment.map { .string("\($0.name)=\($0.value)") })),
                ("WorkingDir", .string(Self.workDirectory)),
                ("User", .string("\(Self.user):\(Self.user)")),
                ("Hostname", "sandbox"),
                ("Labels", JSON(labels.map { (key: $0.key, value: $0.value) })),
                ("NetworkDisabled", true), ("Tty", false), ("OpenStdin", false), ("StopSignal", "SIGKILL"),
                ("HostConfig", hostConfiguration),
            ]))
    }

    /// The members that bound a container: of a creation, and alone in an update.
    static func bounds(_ limits: ResourceLimits) -> [(key: String, value: JSON)] {
        [
            // Memory and swap together: there is no swap beyond the memory.
            ("Memory", JSON(limits.memoryBytes)), ("MemorySwap", JSON(limits.memoryBytes)),
            ("NanoCpus", JSON(limits.cpuPercent * 10_000_000)), ("PidsLimit", JSON(limits.processes)),
        ]
    }

    static func update(_ limits: ResourceLimits) -> JSON { .object(JSON.Object(bounds(limits))) }

    private var hostConfiguration: JSON {
        var members = Self.bounds(spec.limits)
        members += [
            ("NetworkMode", "none"), ("Privileged", false), ("CapDrop", ["ALL"]), ("CapAdd", []),
            ("SecurityOpt", ["no-new-privileges"]), ("ReadonlyRootfs", true), ("Init", false),
            ("IpcMode", "private"), ("CgroupnsMode", "private"), ("OomKillDisable", false), ("AutoRemove", false),
            ("RestartPolicy", ["Name": "no"]),
            // What the first process prints would fill the daemon's disk, which nothing bounds.
            ("LogConfig", ["Type": "none"]),
            (
                "Ulimits",
                [
                    Self.limit("nofile", openFiles), Self.limit("nproc", processNumbers), Self.limit("core", 0),
                ]
            ),
            ("ShmSize", JSON(4 * unit)), ("Tmpfs", memoryFolders), ("Mounts", mounts),
        ]
        if let runtime { members.append(("Runtime", .string(runtime))) }
        return .object(JSON.Object(members))
    }

    /// Memory file systems count against the memory bound. Their sizes stay well below it together: what fills them must not
    /// push the daemon out, which no killing of programs could prevent.
    private var unit: Int { max(1 << 16, spec.limits.memoryBytes / 32) }

    private var memoryFolders: JSON {
        let common = "rw,nosuid,nodev"
        var folders: [(key: String, value: JSON)] = [
            ("/tmp", .string("\(common),size=\(12 * unit),mode=1777")),
            ("/var/tmp", .string("\(common),size=\(unit),mode=1777")),
            ("/run", .string("\(common),noexec,size=\(unit),mode=755")),
        ]
        // Over the volumes of the image: where something is mounted the daemon makes no volume of its own.
        let share = unit / max(1, image.volumes.count)
        for volume in image.volumes where ![Self.workDirectory, "/tmp", "/var/tmp"].contains(volume) {
            folders.append((volume, .string("\(common),size=\(max(1 << 16, share)),mode=1777")))
        }
        return .object(JSON.Object(folders))
    }

    /// As mounts, not binds: for a bind, Docker would make a folder that is missing on its side.
    private var mounts: JSON {
        [
            Self.mount(execdPath, at: Self.execd, isReadOnly: true),
            Self.mount(socketFolder, at: Self.socketFolder, isReadOnly: false),
            Self.mount(workFolder, at: Self.workDirectory, isReadOnly: false),
        ]
    }

    private static func mount(_ source: String, at target: String, isReadOnly: Bool) -> JSON {
        [
            "Type": "bind", "Source": .string(source), "Target": .string(target), "ReadOnly": .bool(isReadOnly),
            "BindOptions": ["Propagation": "rprivate"],
        ]
    }

    private static func limit(_ name: String, _ value: Int) -> JSON {
        ["Name": .string(name), "Soft": JSON(value), "Hard": JSON(value)]
    }

    private var command: [String] {
        [
            "--listen", "\(Self.socketFolder)/\(Self.socketName)", "--workdir", Self.workDirectory, "--root", "/tmp",
            "--read-only-root", "/usr", "--proxy-port", spec.network == .none ? "0" : "\(Self.proxyPort)",
            "--output-limit", "\(spec.limits.outputBytes)", "--confine",
        ] + image.volumes.flatMap { ["--writable", $0] }
    }

    private var environment: [(name: String, value: String)] {
        var variables = [
            ("HOME", Self.workDirectory), ("USER", "agent"), ("LOGNAME", "agent"), ("LANG", "C.UTF-8"),
            ("TMPDIR", "/tmp"),
        ]
        // Podman hands the proxies of its own environment on, with the passwords in them.
        variables += ["http", "https", "ftp", "no", "all"].flatMap { ["\($0)_proxy", "\($0.uppercased())_PROXY"] }
            .map { ($0, "") }
        return variables.map { (name: $0.0, value: $0.1) } + [(name: ExecdToken.variable, value: token.exposed)]
    }

    private static func isPlain(_ path: String) -> Bool {
        guard path.hasPrefix("/"), path.utf8.count <= 256,
            path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !":,\\\"'".utf8.contains($0) })
        else { return false }
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
            && !reserved.contains { path == $0 || path.hasPrefix($0 + "/") || $0.hasPrefix(path + "/") }
    }
}
