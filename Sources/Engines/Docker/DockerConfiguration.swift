/// How the `docker` engine works: through the socket of a Docker or Podman daemon that runs as root on this host.
public struct DockerConfiguration: Sendable {
    /// The static daemon executable that is mounted into every container.
    public var execdPath: String
    /// Keeps the work directories and snapshots of this engine alone; must outlive the process and the host's restarts.
    public var stateDirectory: String
    /// Keeps what belongs to living sandboxes: sockets, ledgers, mount points. Gone after a restart. Its name, hashed, is
    /// the owner's mark on the containers.
    public var runtimeDirectory: String
    /// The daemon's unix socket. For Podman, `/run/podman/podman.sock`.
    public var socketPath: String
    /// The image of sandboxes that ask for none. It needs bash and the usual commands.
    public var image: String
    /// Fetches images that the daemon lacks. Off by default: then they are refused.
    public var pulls: Bool
    /// A runtime of the daemon's configuration, such as `crun`; nil takes the daemon's default.
    public var runtime: String?
    /// Where the control group file systems are mounted: read to see that the bounds hold.
    public var cgroupRoot: String
    /// How long the daemon may take for one answer, fetching images excepted. 60 seconds by default.
    public var answerDeadline: Duration
    /// How long fetching one image may take. 15 minutes by default.
    public var pullDeadline: Duration
    /// How long the daemon in a new container may take to listen. 10 seconds by default.
    public var readyDeadline: Duration
    /// How long the work directory of a session that nobody serves is kept. 30 days by default.
    public var retention: Duration

    /// - Parameter runtimeDirectory: nil takes a name below `/run/perimeter` made from `stateDirectory`.
    public init(
        execdPath: String, stateDirectory: String, image: String, runtimeDirectory: String? = nil,
        socketPath: String = "/var/run/docker.sock", pulls: Bool = false, runtime: String? = nil,
        cgroupRoot: String = "/sys/fs/cgroup", answerDeadline: Duration = .seconds(60),
        pullDeadline: Duration = .seconds(900), readyDeadline: Duration = .seconds(10),
        retention: Duration = .seconds(30 * 86_400)
    ) {
        self.execdPath = execdPath
        self.stateDirectory = stateDirectory
        self.image = image
        self.runtimeDirectory =
            runtimeDirectory ?? "/run/perimeter/" + String(StableHash.of(stateDirectory), radix: 36)
        self.socketPath = socketPath
        self.pulls = pulls
        self.runtime = runtime
        self.cgroupRoot = cgroupRoot
        self.answerDeadline = answerDeadline
        self.pullDeadline = pullDeadline
        self.readyDeadline = readyDeadline
        self.retention = retention
    }
}
