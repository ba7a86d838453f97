/// What an engine can do on this host. A request beyond it is refused before anything is created.
public struct EngineCapabilities: Sendable, Equatable {
    /// What separates the programs inside from the host's kernel, weakest first.
    public enum Isolation: Int, Sendable, Comparable {
        /// Nothing the operator of this worker can vouch for: another system decides.
        case unknown
        /// One kernel for all, with namespaces and filters between.
        case sharedKernel
        /// A kernel in user space per sandbox: the host's kernel sees few of the calls.
        case userSpaceKernel
        /// A virtual machine with its own kernel.
        case ownKernel

        public static func < (left: Isolation, right: Isolation) -> Bool { left.rawValue < right.rawValue }
    }

    /// What is kept, weakest first.
    public enum Kept: Int, Sendable, Comparable {
        case nothing
        /// The work directory, and system files where the engine lets them change. Programs start anew.
        case files
        /// Files, and programs as they are, while the host runs.
        case processes
        /// Files, and programs as they are, on disk: also after a restart of the host.
        case memory

        public static func < (left: Kept, right: Kept) -> Bool { left.rawValue < right.rawValue }
    }

    public var isolation: Isolation
    /// What ``Sandbox/pause()`` keeps.
    public var pause: Kept
    /// What ``Sandbox/snapshot(as:)`` keeps; `.nothing` where there are no snapshots.
    public var snapshot: Kept
    /// Whether a root file system of the caller's choice can be used.
    public var images: Bool
    /// Names the system whose files sandboxes may change and keep (``SandboxSpec/SystemFiles/writable``), another name when it has
    /// become another one; nil where they may only read it.
    public var system: String?
    /// Whether connections from inside can be carried to the worker's gate.
    public var network: Bool
    /// Graphics processors that could be passed through.
    public var gpus: Int
    /// The bounds that hold, out of "memory", "processes", "cpu" and "disk".
    public var bounds: Set<String>

    public init(
        isolation: Isolation, pause: Kept = .files, snapshot: Kept = .nothing, images: Bool = false,
        system: String? = nil, network: Bool = true, gpus: Int = 0, bounds: Set<String> = []
    ) {
        self.isolation = isolation
        self.pause = pause
        self.snapshot = snapshot
        self.images = images
        self.system = system
        self.network = network
        self.gpus = gpus
        self.bounds = bounds
    }
}
