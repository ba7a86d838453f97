internal import CLinux
internal import Glibc
public import Logging
public import Sandbox
internal import Synchronization

/// Sandboxes as containers of an OCI runtime, crun or runc, on a root file system that the operator names.
///
/// There is no daemon between: a runtime starts a container and leaves. Sandboxes outlive this process; the next one finds them
/// by their ledgers.
public final class OCIEngine: SandboxProvider, SandboxKeeper {
    public let name = "oci"

    let configuration: OCIConfiguration
    let paths: EnginePaths
    let groups: ControlGroups
    let disk: WorkDisk
    let shelf: SnapshotShelf
    let graphics: GraphicsPool
    /// Names the engine's containers and groups on the host.
    let owner: String
    let isRoot = geteuid() == 0
    private let gate: @Sendable (SandboxSpec) -> (any OutboundGate)?
    let logger: Logger
    let locks = SandboxLocks()
    private let lane = BlockingLane(threadLimit: 16)
    /// Whether this process has brought the shared files up to date; its lock is held while it does.
    let isPrepared = Mutex(false)

    private static let readyDeadline = Duration.seconds(10)
    private static let attachDeadline = Duration.seconds(3)

    /// - Parameter gate: serves what a sandbox sends to the outside; nil lets nothing out.
    public init(
        configuration: OCIConfiguration, gate: @escaping @Sendable (SandboxSpec) -> (any OutboundGate)?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.gate = gate
        self.logger = logger
        owner = String(StableHash.of(configuration.runtimeDirectory), radix: 36)
        paths = EnginePaths(state: configuration.stateDirectory, runtime: configuration.runtimeDirectory)
        groups = ControlGroups(root: configuration.cgroupRoot, owner: owner)
        disk = WorkDisk(paths: paths, usesImages: true)
        graphics = GraphicsPool(configuration.graphics, paths: paths, root: configuration.graphicsRoot)
        shelf = SnapshotShelf(state: configuration.stateDirectory, engine: name)
    }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        try refuseUnsupported(spec)
        try await refuseMissingSnapshot(spec)
        return try await locks.withLock(spec.id) { () async throws(SandboxError) in
            if let living = try await attach(spec) { return living }
            return try await create(spec)
        }
    }

    /// Comes back to a sandbox that lives already; nil when there is none that can be used.
    private func attach(_ spec: SandboxSpec) async throws(SandboxError) -> (any Sandbox)? {
        let path = paths.sandbox(spec.id).ledger
        let ledger = await offPool { HostFiles.text(path).flatMap { SandboxLedger(parsing: $0) } }
        guard let ledger, ledger.isAlive, ledger.hasProxy == (spec.network != .none),
            await offPool({ [graphics] in graphics.held(by: spec.id).count }) == spec.gpus
        else { return nil }
        // The bounds of this request hold from now on, whatever the earlier ones were. A paused sandbox goes on.
        guard
            await offPool({ [groups] in
                (try? groups.create(spec.id, spec.limits)) != nil && (try? groups.setFrozen(spec.id, false)) != nil
            })
        else { return nil }
        do throws(SandboxError) {
            let client = try await connect(spec, within: Self.attachDeadline)
            return ExecdSandbox(id: spec.id, boundary: boundary + graphics.label(spec), client: client, keeper: self)
        } catch {
            logger.warning(
                "a living sandbox does not answer and is replaced",
                metadata: ["sandbox_id": "\(spec.id)", "code": "\(error.code)"])
            return nil
        }
    }

    private func create(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        let clock = ContinuousClock()
        let begin = clock.now
        try await started(spec)
        let launched = clock.now
        do throws(SandboxError) {
            let client = try await connect(spec, within: Self.readyDeadline)
            return ExecdSandbox(
                id: spec.id, boundary: boundary + graphics.label(spec), client: client, keeper: self,
                stages: [.create: launched - begin, .execdReady: clock.now - launched])
        } catch {
            await remove(spec.id)
            throw SandboxError(.unavailable, error.message, cause: error)
        }
    }

    /// Connects once: the socket listens from before the container starts until the end of its last process, so a refusal means
    /// that there is none, and an early end that it died.
    private func connect(_ spec: SandboxSpec, within deadline: Duration) async throws(SandboxError) -> ExecdClient {
        let path = paths.sandbox(spec.id).socket
        let connected = await offPool { () -> Result<Int32, SystemError> in
            let socket = clinux_connect_unix(path)
            return socket >= 0 ? .success(socket) : .failure(SystemError("connect to \(path)"))
        }
        let socket: Int32
        do { socket = try connected.get() } catch {
            throw SandboxError(.lost, "no daemon listens in the sandbox", cause: error)
        }
        return try await ExecdClient.connect(
            descriptor: socket, gate: gate(spec), deadline: deadline, logger: logger)
    }

    public func sweep(keeping live: Set<SandboxID>) async {
        let known = await offPool { [paths, groups] in
            groups.known.union(HostFiles.names(in: paths.sandboxes).compactMap { SandboxID($0) })
        }
        for id in known where !live.contains(id) {
            await locks.withLock(id) {
                logger.info("sandbox of nobody removed", metadata: ["sandbox_id": "\(id)"])
                await remove(id)
            }
        }
        await offPool { [self] in
            shelf.removeDrafts()
            shelf.removeOrigins { HostFiles.facts("\(paths.workspaces)/\($0)") != nil }
            disk.removeOld(keeping: live, after: Int(configuration.retention.components.seconds))
        }
    }

    /// Removes every sandbox, and what the engine keeps on this host beside the sessions' files. The engine is of no use
    /// afterwards.
    public func shutdown() async {
        await sweep(keeping: [])
        await offPool { [self] in
            HostFiles.removeFolder(daemonFolder)
            // These go only when nothing of a sandbox is left in them.
            rmdir(paths.sandboxes)
            rmdir(paths.runtime)
            groups.removeParents()
            removeRuntimeGroups(nil)
        }
    }

    /// Runs blocking work on the threads that are there for it.
    func offPool<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value { await lane.run(body) }
}
