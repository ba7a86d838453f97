internal import CLinux
internal import Glibc
public import Logging
public import Sandbox
internal import Synchronization

/// Sandboxes as containers of an OCI runtime: crun and runc, which share the host's kernel, or gVisor's runsc, which has one of
/// its own in user space.
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

    private func ledger(_ id: SandboxID) async -> OCILedger? {
        let path = paths.sandbox(id).ledger
        return await offPool { HostFiles.text(path).flatMap { OCILedger(parsing: $0) } }
    }

    /// Comes back to a sandbox that lives already; nil when there is none that can be used.
    private func attach(_ spec: SandboxSpec) async throws(SandboxError) -> (any Sandbox)? {
        guard let ledger = await ledger(spec.id), ledger.process.isAlive,
            ledger.process.hasProxy == (spec.network != .none), ledger.runtime == configuration.runtime
        else { return nil }
        // The bounds of this request hold from now on, whatever the earlier ones were. A paused sandbox goes on.
        guard
            await offPool({ [groups] in
                (try? groups.create(spec.id, spec.limits)) != nil && (try? groups.setFrozen(spec.id, false)) != nil
            })
        else { return nil }
        do throws(SandboxError) {
            let client = try await connect(spec, ledger, within: Self.attachDeadline)
            return ExecdSandbox(id: spec.id, boundary: boundary, client: client, keeper: self)
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
        let ledger = try await started(spec)
        let launched = clock.now
        do throws(SandboxError) {
            let client = try await connect(spec, ledger, within: Self.readyDeadline)
            return ExecdSandbox(
                id: spec.id, boundary: boundary, client: client, keeper: self,
                stages: [.create: launched - begin, .execdReady: clock.now - launched])
        } catch {
            await remove(spec.id)
            throw SandboxError(.unavailable, error.message, cause: error)
        }
    }

    private func connect(
        _ spec: SandboxSpec, _ ledger: OCILedger, within deadline: Duration
    ) async throws(SandboxError) -> ExecdClient {
        let result = await offPool { [self] () -> Result<Int32, SystemError> in
            do throws(SystemError) { return .success(try dial(spec.id, ledger)) } catch { return .failure(error) }
        }
        let descriptor: Int32
        do { descriptor = try result.get() } catch {
            throw SandboxError(.lost, "no daemon listens in the sandbox", cause: error)
        }
        return try await ExecdClient.connect(
            descriptor: descriptor, token: ledger.token, gate: gate(spec), deadline: deadline, logger: logger)
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
