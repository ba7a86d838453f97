/// What a sandbox must be like. A request that the engine cannot honour is refused before anything is created.
/// Nothing of the worker's own environment is passed on; variables of the session come later (``Sandbox/configure(_:)``).
public struct SandboxSpec: Sendable {
    public var id: SandboxID
    public var limits: ResourceLimits
    public var network: NetworkPolicy
    /// Serves what programs inside connect to, unless `network` is `none`; without it these connections end at once.
    public var gate: (any OutboundGate)?
    /// What the sandbox starts from when it does not exist yet.
    public var source: Source
    /// What programs may do with the files of the system.
    public var system: SystemFiles
    /// Graphics processors to pass through.
    public var gpus: Int
    /// What a warm pool keeps ready for the sessions like this one; engines do not look at it.
    public var warm: WarmWish

    public enum SystemFiles: String, Sendable, Equatable {
        /// They read them. Changes that the source or an earlier life of the sandbox brought along are seen.
        case readOnly
        /// They change them as the system's root: copied on the first write, kept with the work directory and within its bound.
        /// Needs ``EngineCapabilities/system``.
        case writable
    }

    public enum Source: Sendable, Equatable {
        /// The engine's own: the host's programs, or the image that the operator configured.
        case engineDefault
        /// An image or root file system in the engine's own notation.
        case image(String)
        /// What ``Sandbox/snapshot(as:)`` kept, by the same engine.
        case snapshot(SnapshotID)
    }

    public init(
        id: SandboxID, limits: ResourceLimits = ResourceLimits(), network: NetworkPolicy = .none,
        gate: (any OutboundGate)? = nil, source: Source = .engineDefault, system: SystemFiles = .readOnly,
        gpus: Int = 0, warm: WarmWish = WarmWish()
    ) {
        self.id = id
        self.limits = limits
        self.network = network
        self.gate = gate
        self.source = source
        self.system = system
        self.gpus = gpus
        self.warm = warm
    }
}

/// Upper bounds of one sandbox.
public struct ResourceLimits: Sendable, Equatable {
    /// Bytes of memory, page cache included. 1 GiB by default.
    public var memoryBytes: Int
    /// Processes and threads. 256 by default.
    public var processes: Int
    /// Hundredths of one core. 200 by default.
    public var cpuPercent: Int
    /// Bytes below the work directory, and of changed system files. 2 GiB by default.
    public var diskBytes: Int
    /// Bytes of one tool result shown to the model; the rest spills into a file inside. 100 000 by default.
    public var outputBytes: Int

    public init(
        memoryBytes: Int = 1 << 30, processes: Int = 256, cpuPercent: Int = 200, diskBytes: Int = 2 << 30,
        outputBytes: Int = 100_000
    ) {
        self.memoryBytes = memoryBytes
        self.processes = processes
        self.cpuPercent = cpuPercent
        self.diskBytes = diskBytes
        self.outputBytes = outputBytes
    }
}

/// Where connections from inside may go. There is no interface in a sandbox: all of it passes the worker's gate.
public enum NetworkPolicy: Sendable, Equatable {
    case none
    /// Exact host names, or `*.example.com` for every name below it; `*` allows every public address.
    case allow(hosts: [String])
}
