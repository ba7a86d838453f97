public import Sandbox

/// How the `custom` engine reaches the operator's own sandboxes.
public struct CustomConfiguration: Sendable {
    public enum Hook: Sendable {
        /// An executable of this host, started once for every request.
        /// - Parameters:
        ///   - path: absolute.
        ///   - arguments: stand before the request's own.
        ///   - environment: all that it gets; nothing of the worker's own environment is passed on. Without `PATH` the usual one.
        case command(
            path: String, arguments: [String] = [], environment: [(name: String, value: String)] = [])
        /// A service.
        /// - Parameters:
        ///   - url: `https`, or `http` on this machine.
        ///   - secret: sent as `Authorization: Bearer`.
        ///   - authority: a file with the certificates that it is checked against, as PEM; nil takes the host's.
        case service(url: String, secret: EngineSecret, authority: String? = nil)
    }

    public var hook: Hook
    /// Keeps what is known of each sandbox; must outlive the process. Readable for its owner only.
    public var stateDirectory: String
    /// The most that the hook's description of itself is believed. What it declares beyond is cut off.
    public var ceiling: EngineCapabilities
    /// Creates sandboxes also where the hook does not declare a bound; the boundary label then says which. Off by default.
    public var allowsWeakerLimits: Bool
    /// How long a request may take, but for the archives of snapshots. 120 seconds by default.
    public var deadline: Duration
    /// How long the archive of a snapshot may take. 30 minutes by default.
    public var archiveDeadline: Duration
    /// The largest archive of a snapshot, in bytes. 64 GiB by default.
    public var archiveLimit: Int

    /// The default: everything but the isolation, which nobody here can check.
    public static let unvouched = EngineCapabilities(
        isolation: .unknown, pause: .memory, snapshot: .memory, images: true, network: true, gpus: 64,
        bounds: ["memory", "processes", "cpu", "disk"])

    public init(
        hook: Hook, stateDirectory: String, ceiling: EngineCapabilities = unvouched, allowsWeakerLimits: Bool = false,
        deadline: Duration = .seconds(120), archiveDeadline: Duration = .seconds(1800), archiveLimit: Int = 64 << 30
    ) {
        self.hook = hook
        self.stateDirectory = stateDirectory
        self.ceiling = ceiling
        self.allowsWeakerLimits = allowsWeakerLimits
        self.deadline = deadline
        self.archiveDeadline = archiveDeadline
        self.archiveLimit = archiveLimit
    }
}
