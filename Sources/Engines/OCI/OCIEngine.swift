internal import CLinux
internal import Glibc
public import Logging
public import Sandbox
internal import Synchronization

/// Sandboxes as containers of an OCI runtime, crun, runc or runsc, on a root file system that the operator names.
///
/// There is no daemon between: a runtime starts a container and leaves. Sandboxes outlive this process; the next one finds them
/// by their ledgers. With runsc each has a kernel of its own, whose memory can be saved: then a pause outlives the host's restarts
/// too, and snapshots start in the middle of what ran.
public final class OCIEngine: SandboxProvider, SandboxKeeper {
    public let name = "oci"

    let configuration: OCIConfiguration
    let paths: EnginePaths
    let groups: ControlGroups
    let disk: WorkDisk
    let shelf: SnapshotShelf
    let graphics: GraphicsPool
    let images: ImageShelf
    /// What the configured image was unpacked to by this process; its lock is held meanwhile.
    let unpacked = Mutex<String?>(nil)
    /// Names the engine's containers and groups on the host.
    let owner: String
    let isRoot = geteuid() == 0
    private let gate: @Sendable (SandboxSpec) -> (any OutboundGate)?
    let logger: Logger
    let locks = SandboxLocks()
    let lane = BlockingLane(threadLimit: 16)
    /// Whether this process has brought the shared files up to date; its lock is held while it does.
    let isPrepared = Mutex(false)

    private var readyDeadline: Duration { .seconds(configuration.runtime.bringsKernel ? 30 : 10) }
    private var attachDeadline: Duration { .seconds(configuration.runtime.bringsKernel ? 15 : 3) }

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
        graphics = GraphicsPool(
            configuration.runtime.bringsKernel ? .none : configuration.graphics, paths: paths,
            root: configuration.graphicsRoot)
        shelf = SnapshotShelf(state: configuration.stateDirectory, engine: name)
        images = ImageShelf(state: configuration.stateDirectory)
    }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        try refuseUnsupported(spec)
        try await refuseMissingSnapshot(spec)
        return try await locks.withLock(spec.id) { () async throws(SandboxError) in
            if let living = try await attach(spec) { return living }
            if let paused = try await goOn(spec) { return paused }
            return try await create(spec)
        }
    }

    /// Comes back to a sandbox that lives already; nil when there is none that can be used.
    private func attach(_ spec: SandboxSpec) async throws(SandboxError) -> (any Sandbox)? {
        let isUsable = await offPool { [self] in
            guard let ledger = ledger(spec.id), ledger.isAlive, ledger.hasProxy == (spec.network != .none),
                graphics.held(by: spec.id).count == spec.gpus
            else { return false }
            if configuration.runtime.bringsKernel {
                if let refusal = record(spec.id)?.refusal(of: spec) {
                    logger.info(
                        "a living sandbox is replaced", metadata: ["sandbox_id": "\(spec.id)", "reason": "\(refusal)"])
                    return false
                }
                // Both would be there if a worker died while it paused the sandbox.
                paths.pausedContainer(spec.id).remove()
            }
            // The bounds of this request hold from now on, whatever the earlier ones were. A frozen sandbox goes on.
            return (try? groups.create(spec.id, hostLimits(spec.limits))) != nil
                && (try? groups.setFrozen(spec.id, false)) != nil
        }
        guard isUsable else { return nil }
        do throws(SandboxError) {
            return sandbox(spec, try await connect(spec, within: attachDeadline))
        } catch {
            logger.warning(
                "a living sandbox does not answer and is replaced",
                metadata: ["sandbox_id": "\(spec.id)", "code": "\(error.code)"])
            return nil
        }
    }

    /// Goes on with a sandbox whose memory is on disk; nil when there is none that can.
    private func goOn(_ spec: SandboxSpec) async throws(SandboxError) -> (any Sandbox)? {
        guard await offPool({ [self] in wake(spec) }) else { return nil }
        do throws(SandboxError) { return sandbox(spec, try await connect(spec, within: readyDeadline)) } catch {
            logger.warning(
                "a paused sandbox does not answer and starts anew with its files",
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
            let client = try await connect(spec, within: readyDeadline)
            return sandbox(spec, client, stages: [.create: launched - begin, .execdReady: clock.now - launched])
        } catch {
            await remove(spec.id)
            throw SandboxError(.unavailable, error.message, cause: error)
        }
    }

    private func sandbox(
        _ spec: SandboxSpec, _ client: ExecdClient, stages: [SandboxStage: Duration] = [:]
    ) -> any Sandbox {
        guard configuration.runtime.bringsKernel else {
            return ExecdSandbox(
                id: spec.id, boundary: boundary + graphics.label(spec), client: client, keeper: self, stages: stages)
        }
        return MovingSandbox(id: spec.id, boundary: boundary, client: client, keeper: self, stages: stages) {
            [self] () async throws(SandboxError) in try await connect(spec, within: readyDeadline)
        }
    }

    /// Connects once. On the host's kernel the socket listens from before the container starts until the end of its last process,
    /// so a refusal means that there is none, and an early end that it died.
    private func connect(_ spec: SandboxSpec, within deadline: Duration) async throws(SandboxError) -> ExecdClient {
        let connected = await offPool { [self] () -> Result<(Int32, ExecdToken?), SystemError> in
            do throws(SystemError) {
                if configuration.runtime.bringsKernel {
                    guard let record = record(spec.id) else { throw SystemError("find the sandbox", code: ESRCH) }
                    return .success((try bridge(to: spec.id), record.token))
                }
                let path = paths.sandbox(spec.id).socket
                let socket = clinux_connect_unix(path)
                guard socket >= 0 else { throw SystemError("connect to \(path)") }
                return .success((socket, nil))
            } catch {
                return .failure(error)
            }
        }
        let (socket, token): (Int32, ExecdToken?)
        do { (socket, token) = try connected.get() } catch {
            throw SandboxError(.lost, "no daemon listens in the sandbox", cause: error)
        }
        return try await ExecdClient.connect(
            descriptor: socket, token: token, gate: gate(spec), deadline: deadline, logger: logger)
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
            removeOldMemory(keeping: live)
            // Who has not used an image here does not know which ones others still want.
            if let root = unpacked.withLock({ $0 }) { images.removeOld(keeping: root) }
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

    func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) async throws(SandboxError) -> Value {
        let result = await lane.run { () -> Result<Value, SystemError> in
            do throws(SystemError) { return .success(try body()) } catch { return .failure(error) }
        }
        do { return try result.get() } catch { throw SandboxError(error) }
    }

    /// Runs blocking work on the threads that are there for it.
    func offPool<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value { await lane.run(body) }
}
