/// How the `oci` engine works on this host.
public struct OCIConfiguration: Sendable {
    /// The static daemon executable.
    public var execdPath: String
    /// Keeps the work directories; must outlive the process and the host's restarts.
    public var stateDirectory: String
    /// Keeps what belongs to living sandboxes: ledgers, bundles, mount points. Searchable for every user, gone after a restart.
    public var runtimeDirectory: String
    /// The root file system of sandboxes: a folder on the host, which is never written to, or an OCI image layout.
    public var rootfs: String
    public var runtime: OCIRuntime
    /// How runsc gets hold of system calls; the other runtimes need nothing like it.
    public var platform: RunscPlatform
    /// The runtime's executable; nil looks where packages put it.
    public var runtimePath: String?
    /// Where the control group file systems are mounted.
    public var cgroupRoot: String
    /// How long the runtime may take to start a container.
    public var startDeadline: Duration
    /// Graphics processors that sandboxes may get. None by default.
    public var graphics: GraphicsAllowance
    /// The tree in which they are looked for; empty for the host's own.
    var graphicsRoot = ""
    /// How long the work directory of a session that nobody serves is kept. 30 days by default.
    public var retention: Duration

    /// - Parameter runtimeDirectory: nil takes a name below `/run/perimeter` made from `stateDirectory`.
    public init(
        execdPath: String, stateDirectory: String, rootfs: String, runtime: OCIRuntime,
        runtimeDirectory: String? = nil, platform: RunscPlatform = .ptrace, runtimePath: String? = nil,
        cgroupRoot: String = "/sys/fs/cgroup", startDeadline: Duration = .seconds(20),
        graphics: GraphicsAllowance = .none, retention: Duration = .seconds(30 * 86_400)
    ) {
        self.execdPath = execdPath
        self.stateDirectory = stateDirectory
        self.runtimeDirectory =
            runtimeDirectory ?? "/run/perimeter/" + String(StableHash.of(stateDirectory), radix: 36)
        self.rootfs = rootfs
        self.runtime = runtime
        self.platform = platform
        self.runtimePath = runtimePath
        self.cgroupRoot = cgroupRoot
        self.startDeadline = startDeadline
        self.graphics = graphics
        self.retention = retention
    }
}
