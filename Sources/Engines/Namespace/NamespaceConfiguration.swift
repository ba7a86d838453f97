/// How the `namespace` engine works on this host.
public struct NamespaceConfiguration: Sendable {
    /// The static daemon executable.
    public var execdPath: String
    /// Keeps the work directories; must outlive the process and the host's restarts.
    public var stateDirectory: String
    /// Keeps what belongs to living sandboxes: sockets, ledgers, mount points. Readable for every user, gone after a restart.
    public var runtimeDirectory: String
    public var bubblewrapPath: String
    /// Where the control group file systems are mounted.
    public var cgroupRoot: String
    /// Creates sandboxes also where a bound cannot be enforced; the boundary label then says which. Off by default.
    public var allowsWeakerLimits: Bool
    /// Graphics processors that sandboxes may get. None by default.
    public var graphics: GraphicsAllowance
    /// The tree in which they are looked for; empty for the host's own.
    var graphicsRoot = ""
    /// How long the work directory of a session that nobody serves is kept. 30 days by default.
    public var retention: Duration

    /// - Parameter runtimeDirectory: nil takes a name below `/run/perimeter` made from `stateDirectory`.
    public init(
        execdPath: String, stateDirectory: String, runtimeDirectory: String? = nil,
        bubblewrapPath: String = "/usr/bin/bwrap", cgroupRoot: String = "/sys/fs/cgroup",
        allowsWeakerLimits: Bool = false, graphics: GraphicsAllowance = .none,
        retention: Duration = .seconds(30 * 86_400)
    ) {
        self.execdPath = execdPath
        self.stateDirectory = stateDirectory
        self.runtimeDirectory =
            runtimeDirectory ?? "/run/perimeter/" + String(StableHash.of(stateDirectory), radix: 36)
        self.bubblewrapPath = bubblewrapPath
        self.cgroupRoot = cgroupRoot
        self.allowsWeakerLimits = allowsWeakerLimits
        self.graphics = graphics
        self.retention = retention
    }
}
