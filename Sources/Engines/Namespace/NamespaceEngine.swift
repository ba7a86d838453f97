internal import CLinux
internal import Glibc
public import Logging
public import Sandbox
internal import Synchronization

/// The default engine: bubblewrap with user, process, network, mount, IPC, UTS and control group namespaces, a system call
/// filter, no capabilities, bounded memory, processes, CPU and disk.
///
/// Sandboxes outlive this process: the next one finds them by their ledgers and re-attaches through the daemon's socket.
public final class NamespaceEngine: SandboxProvider, SandboxKeeper {
    public let name = "namespace"

    let configuration: NamespaceConfiguration
    let paths: EnginePaths
    let groups: ControlGroups
    let disk: WorkDisk
    let shelf: SnapshotShelf
    let graphics: GraphicsPool
    let launcher: SandboxLauncher
    private let gate: @Sendable (SandboxSpec) -> (any OutboundGate)?
    private let logger: Logger
    let locks = SandboxLocks()
    let lane = BlockingLane(threadLimit: 16)
    /// Whether this process has brought the shared files up to date; its lock is held while it does.
    let isMirrored = Mutex(false)
    /// What changeable systems have below them, once this process has brought it up to date; its lock is held while it does.
    let systemLayers = Mutex<SystemBase.Layers?>(nil)
    /// Whether system files can change here, once somebody has asked.
    let canChangeSystem = Mutex<Bool?>(nil)

    private static let readyDeadline = Duration.seconds(10)
    private static let attachDeadline = Duration.seconds(3)

    /// - Parameter gate: serves what a sandbox sends to the outside; nil lets nothing out.
    public init(
        configuration: NamespaceConfiguration, gate: @escaping @Sendable (SandboxSpec) -> (any OutboundGate)?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.gate = gate
        self.logger = logger
        let isRoot = geteuid() == 0
        paths = EnginePaths(state: configuration.stateDirectory, runtime: configuration.runtimeDirectory)
        groups = ControlGroups(
            root: configuration.cgroupRoot, owner: String(StableHash.of(configuration.runtimeDirectory), radix: 36))
        disk = WorkDisk(paths: paths, usesImages: isRoot)
        shelf = SnapshotShelf(state: configuration.stateDirectory, engine: name)
        graphics = GraphicsPool(configuration.graphics, paths: paths, root: configuration.graphicsRoot)
        launcher = SandboxLauncher(
            configuration: configuration, paths: paths, groups: groups, disk: disk, isRoot: isRoot,
            logger: logger)
    }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        try refuseUnsupported(spec)
        try await refuseMissingSnapshot(spec)
        return try await locks.withLock(spec.id) { () async throws(SandboxError) in
            if let living = try await attach(spec) { return living }
            return try await create(spec)
        }
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
        await offPool { [disk, shelf, paths, configuration] in
            shelf.removeDrafts()
            shelf.removeOrigins { HostFiles.facts("\(paths.workspaces)/\($0)") != nil }
            shelf.removeLayers(after: Int(configuration.retention.components.seconds))
            disk.removeOld(keeping: live, after: Int(configuration.retention.components.seconds))
        }
    }

    /// Removes every sandbox, and what the engine keeps on this host beside the sessions' files. The engine is of no use
    /// afterwards.
    public func shutdown() async {
        await sweep(keeping: [])
        await offPool { [paths, groups] in
            HostFiles.removeTree(paths.etc)
            unlink(paths.execd)
            // These go only when nothing of a sandbox is left in them.
            rmdir(paths.sandboxes)
            rmdir(paths.runtime)
            groups.removeParents()
        }
    }

    public var capabilities: EngineCapabilities {
        let abilities = groups.abilities
        let bounds = [
            ("memory", abilities.memory != nil), ("processes", abilities.processes != nil),
            ("cpu", abilities.cpu != nil), ("disk", disk.usesImages),
        ]
        return EngineCapabilities(
            isolation: .sharedKernel, pause: groups.canFreeze ? .processes : .files,
            snapshot: disk.usesImages && groups.canFreeze ? .files : .nothing, system: system, gpus: graphics.count,
            bounds: Set(bounds.filter(\.1).map(\.0)))
    }

    /// A bound that cannot be enforced is an error, unless the operator said otherwise.
    private func refuseUnsupported(_ spec: SandboxSpec) throws(SandboxError) {
        try graphics.check(spec)
        if case .image = spec.source {
            throw SandboxError(.unsupported, "the namespace engine has no images: use docker for them")
        }
        guard spec.system == .readOnly || system != nil else {
            throw SandboxError(
                .unsupported,
                "system files cannot change on this host: that needs root and a kernel of 5.19 or later that maps the owners of /usr"
            )
        }
        let limits = spec.limits
        guard limits.memoryBytes >= 16 << 20, limits.processes >= 8, limits.cpuPercent >= 1,
            limits.diskBytes >= 16 << 20
        else {
            throw SandboxError(
                .unsupported, "limits need at least 16 MiB of memory, 8 processes, 1 % CPU and 16 MiB of disk")
        }
        guard !configuration.allowsWeakerLimits else { return }
        let missing = groups.abilities.missing + (disk.usesImages ? [] : ["disk"])
        guard missing.isEmpty else {
            throw SandboxError(
                .unsupported,
                "the \(missing.joined(separator: ", ")) of a sandbox cannot be bounded on this host: run `perimeter doctor`"
            )
        }
    }

    /// Comes back to a sandbox that lives already; nil when there is none that can be used.
    private func attach(_ spec: SandboxSpec) async throws(SandboxError) -> (any Sandbox)? {
        let sandbox = paths.sandbox(spec.id)
        let ledger = await offPool { HostFiles.text(sandbox.ledger).flatMap { SandboxLedger(parsing: $0) } }
        guard let ledger, ledger.isAlive, ledger.hasProxy == (spec.network != .none),
            await offPool({ [graphics] in graphics.held(by: spec.id).count }) == spec.gpus
        else { return nil }
        // The bounds of this request hold from now on, whatever the earlier ones were. A paused sandbox goes on.
        guard
            await offPool({ [groups] in
                (try? groups.create(spec.id, spec.limits)) != nil
                    && (!groups.canFreeze || (try? groups.setFrozen(spec.id, false)) != nil)
            })
        else { return nil }
        do throws(SandboxError) {
            let client = try await connect(spec, within: Self.attachDeadline)
            return ExecdSandbox(
                id: spec.id, boundary: boundary(spec.system) + graphics.label(spec), client: client, keeper: self)
        } catch {
            logger.warning(
                "a living sandbox does not answer and is replaced",
                metadata: ["sandbox_id": "\(spec.id)", "code": "\(error.code)"])
            return nil
        }
    }

    /// Connects once: the socket listens from before the sandbox starts until the end of its last process, so a refusal
    /// means that there is no sandbox, and an early end that it died.
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

    private func create(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        let clock = ContinuousClock()
        let begin = clock.now
        let messages = try await started(spec)
        defer { close(messages) }
        let launched = clock.now
        do throws(SandboxError) {
            let client = try await connect(spec, within: Self.readyDeadline)
            if let reason = await offPool({ self.boundTerminals(spec.id) }) {
                logger.warning(
                    "terminals of a sandbox are not bounded",
                    metadata: ["sandbox_id": "\(spec.id)", "reason": "\(reason)"])
            }
            return ExecdSandbox(
                id: spec.id, boundary: boundary(spec.system) + graphics.label(spec), client: client, keeper: self,
                stages: [.create: launched - begin, .execdReady: clock.now - launched])
        } catch {
            let reason = await offPool { Self.text(of: messages) }
            await remove(spec.id)
            throw SandboxError(
                .unavailable, reason.isEmpty ? error.message : "bubblewrap: \(reason)", cause: error)
        }
    }

    /// Everything up to a running bubblewrap; what was made is removed again when a step fails.
    /// - Returns: the file that takes the messages of bubblewrap.
    private func started(_ spec: SandboxSpec) async throws(SandboxError) -> Int32 {
        let result = await offPool { [self] () -> Result<Int32, SystemError> in
            removeNow(spec.id)
            do throws(SystemError) {
                try prepareHost(diskBytes: spec.limits.diskBytes)
                try HostFiles.makeFolder(paths.sandbox(spec.id).folder, mode: 0o711)
                let devices = try graphics.take(spec)?.devices ?? []
                try groups.create(spec.id, spec.limits)
                if case .snapshot(let name) = spec.source {
                    try shelf.place(name, at: paths.sandbox(spec.id).image, within: spec.limits.diskBytes)
                }
                try disk.open(spec.id, bytes: spec.limits.diskBytes, owner: launcher.hostUser(spec.id))
                let view = try openSystem(spec)
                defer { if let namespace = view?.userNamespace { close(namespace) } }
                return .success(try launcher.launch(spec, view, devices))
            } catch {
                removeNow(spec.id)
                return .failure(error)
            }
        }
        do { return try result.get() } catch { throw SandboxError(error) }
    }

    /// Removes a sandbox with all that was made for it outside, but its files.
    public func remove(_ id: SandboxID) async {
        await offPool { [self] in removeNow(id) }
    }

    private func removeNow(_ id: SandboxID) {
        let sandbox = paths.sandbox(id)
        let ledger = HostFiles.text(sandbox.ledger).flatMap { SandboxLedger(parsing: $0) }
        if let ledger { killTree(ledger) }
        if !groups.destroy(id) {
            logger.error("control groups of a sandbox stay behind", metadata: ["sandbox_id": "\(id)"])
        }
        ledger?.collect()
        systemMounts(id).close()
        disk.close(id)
        HostFiles.removeFolder(sandbox.folder)
    }

    public func keepsFiles(of id: SandboxID) async -> Bool { await offPool { [disk] in disk.keepsFiles(of: id) } }

    public func forget(_ id: SandboxID) async {
        await locks.withLock(id) {
            await remove(id)
            await offPool { [disk] in disk.remove(id) }
        }
    }

    /// Kills bubblewrap and its child, which is the first process inside: the kernel ends all others with it.
    private func killTree(_ ledger: SandboxLedger) {
        guard ledger.isAlive else { return }
        for child in Self.children(of: ledger) { kill(child, SIGKILL) }
        kill(ledger.pid, SIGKILL)
    }

    private static func text(of file: Int32) -> String {
        lseek(file, 0, SEEK_SET)
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(file, &buffer, buffer.count)
        let lines = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n")
        return String(lines.joined(separator: "; ").prefix(400))
    }

    /// Runs blocking work on the threads that are there for it.
    func offPool<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value { await lane.run(body) }
}
