internal import Glibc
public import Logging
public import Sandbox
internal import Synchronization

/// A virtual machine with a kernel of its own for each sandbox.
///
/// The first machine of each size boots once and is frozen; sandboxes are copies of it that share its memory until they
/// write. They outlive this process: the next one finds them by their ledgers and comes back through the guest's port.
public final class MicroVMEngine: SandboxProvider, SandboxKeeper {
    public let name = "microvm"

    let configuration: MicroVMConfiguration
    let paths: EnginePaths
    let groups: ControlGroups
    let disk: WorkDisk
    let shelf: SnapshotShelf
    let logger: Logger
    let locks = SandboxLocks()
    /// One template of a size boots at a time.
    private let templateLocks = SandboxLocks()
    private let gate: @Sendable (SandboxSpec) -> (any OutboundGate)?
    private let lane = BlockingLane(threadLimit: 16)
    private let templates: TemplateShelf
    /// The monitor, once it has been asked for its version.
    private let monitor = Mutex<QEMU?>(nil)
    /// Machines that this process boots as templates, which nobody else claims.
    private let booting = Mutex<Set<SandboxID>>([])

    static let minimumMebibytes = 128
    /// For a living machine to answer, and to write its files back.
    var answerDeadline: Duration { configuration.emulation ? .seconds(120) : .seconds(10) }

    /// - Parameter gate: serves what a sandbox sends to the outside; nil lets nothing out.
    public convenience init(
        configuration: MicroVMConfiguration, gate: @escaping @Sendable (SandboxSpec) -> (any OutboundGate)?,
        logger: Logger
    ) {
        self.init(configuration: configuration, gate: gate, templates: TemplateShelf(), logger: logger)
    }

    /// - Parameter templates: may be those of other engines with the same monitor.
    init(
        configuration: MicroVMConfiguration, gate: @escaping @Sendable (SandboxSpec) -> (any OutboundGate)?,
        templates: TemplateShelf, logger: Logger
    ) {
        self.templates = templates
        self.configuration = configuration
        self.gate = gate
        self.logger = logger
        paths = EnginePaths(state: configuration.stateDirectory, runtime: configuration.runtimeDirectory)
        groups = ControlGroups(
            root: configuration.cgroupRoot, owner: String(StableHash.of(configuration.runtimeDirectory), radix: 36))
        disk = WorkDisk(paths: paths, usesImages: true)
        shelf = SnapshotShelf(state: configuration.stateDirectory, engine: name)
    }

    public var capabilities: EngineCapabilities {
        // The machine itself bounds its memory, processes and disk; what bounds its processor is a control group.
        let bounds = ["memory", "processes", "disk"] + (groups.abilities.cpu != nil ? ["cpu"] : [])
        return EngineCapabilities(
            isolation: .ownKernel, pause: .memory, snapshot: .memory, bounds: Set(bounds))
    }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        try refuseUnsupported(spec)
        try await refuseMissingSnapshot(spec)
        return try await locks.withLock(spec.id) { () async throws(SandboxError) in
            if let living = try await attach(spec) { return living }
            if let paused = try await wake(spec) { return paused }
            return try await create(spec)
        }
    }

    private func attach(_ spec: SandboxSpec) async throws(SandboxError) -> (any Sandbox)? {
        let host = try await host()
        let limit = answerDeadline
        do throws(SandboxError) {
            let socket = try await blocking { () throws(SystemError) -> Int32? in
                guard let ledger = host.ledger(spec.id), ledger.process.isAlive else { return nil }
                if let refusal = ledger.record.refusal(of: spec) {
                    throw SystemError("use the living machine: \(refusal)", code: EINVAL)
                }
                return try host.attach(spec, ledger.record, within: limit)
            }
            guard let socket else { return nil }
            return try await sandbox(spec, socket)
        } catch {
            logger.warning(
                "a living machine cannot be used and is replaced",
                metadata: ["sandbox_id": "\(spec.id)", "reason": "\(error.message)"])
            return nil
        }
    }

    /// Goes on with a paused machine. One that cannot go on is given up: its files are all on its disk.
    private func wake(_ spec: SandboxSpec) async throws(SandboxError) -> (any Sandbox)? {
        let host = try await host()
        let saved = paths.paused(spec.id)
        do throws(SandboxError) {
            let socket = try await blocking { [self] () throws(SystemError) -> Int32? in
                guard let record = saved.record else { return nil }
                try refuseForeign(record, spec, host)
                removeNow(spec.id, host)
                return try withRoot(host) { root throws(SystemError) in
                    try host.start(spec, record, from: .saved(saved, root: root, token: nil))
                }
            }
            guard let socket else { return nil }
            return try await sandbox(spec, socket)
        } catch {
            logger.warning(
                "a paused machine cannot go on and starts anew with its files",
                metadata: ["sandbox_id": "\(spec.id)", "reason": "\(error.message)"])
            return nil
        }
    }

    private func create(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        let begin = ContinuousClock.now
        let host = try await host()
        let limit = answerDeadline
        do throws(SandboxError) {
            let forked = try await blocking { [self] () throws(SystemError) -> Int32? in
                // One that is replaced may have files that it has not written back.
                host.end(spec.id, within: limit)
                removeNow(spec.id, host)
                paths.paused(spec.id).remove()
                guard case .snapshot(let name) = spec.source else { return nil }
                return try fork(spec, name, host)
            }
            let socket: Int32 = if let forked { forked } else { try await startFromTemplate(spec, host) }
            return try await sandbox(spec, socket, since: begin)
        } catch {
            await offPool { [self] in removeNow(spec.id, host) }
            throw error
        }
    }

    private func startFromTemplate(_ spec: SandboxSpec, _ host: MachineHost) async throws(SandboxError) -> Int32 {
        let template = try await template(of: spec.limits, host)
        return try await blocking { [self] () throws(SystemError) -> Int32 in
            try disk.prepare(bytes: spec.limits.diskBytes)
            try disk.ensureImage(spec.id, bytes: spec.limits.diskBytes)
            let record = MachineRecord(
                spec, token: ExecdToken(), mebibytes: template.shape.mebibytes,
                processors: template.shape.processors, format: template.format)
            return try host.start(spec, record, from: .template(template))
        }
    }

    private func sandbox(
        _ spec: SandboxSpec, _ socket: Int32, since begin: ContinuousClock.Instant? = nil
    ) async throws(SandboxError) -> any Sandbox {
        let created = ContinuousClock.now
        let client = try await ExecdClient.connect(
            descriptor: socket, gate: gate(spec), deadline: answerDeadline, logger: logger)
        let stages: [SandboxStage: Duration] =
            if let begin { [.create: created - begin, .execdReady: .now - created] } else { [:] }
        return ExecdSandbox(
            id: spec.id, boundary: await boundary(), client: client, keeper: self, stages: stages)
    }

    // MARK: - Templates

    /// The template for machines of a size; the first caller boots it while the others wait.
    private func template(
        of limits: ResourceLimits, _ host: MachineHost
    ) async throws(SandboxError) -> MachineTemplate {
        let shape = await offPool {
            MachineTemplate.Shape(
                mebibytes: limits.memoryBytes >> 20, processors: host.vmm.processors(cpuPercent: limits.cpuPercent),
                stamp: "\(host.vmm.stateFormat) \(host.files.stamp)")
        }
        if let template = templates[shape] { return template }
        let size = "\(shape.mebibytes)-\(shape.processors)"
        guard let key = SandboxID(size),
            let id = SandboxID("template-\(size)-\(getpid())-\(UInt32.random(in: 0...UInt32.max))")
        else { throw SandboxError(.unavailable, "no name for a template") }
        return try await templateLocks.withLock(key) { () async throws(SandboxError) in
            if let template = templates[shape] { return template }
            booting.withLock { _ = $0.insert(id) }
            defer { booting.withLock { _ = $0.remove(id) } }
            let template = try await blocking { () throws(SystemError) in try host.bootTemplate(shape, as: id) }
            templates.add(template)
            return template
        }
    }

    // MARK: - Ends

    public func remove(_ id: SandboxID) async {
        await locks.withLock(id) { await removeLocked(id) }
    }

    /// Ends the machine in order, so that its files are complete, and forgets its saved memory.
    private func removeLocked(_ id: SandboxID) async {
        let host = try? await host()
        let limit = answerDeadline
        await offPool { [self] in
            host?.end(id, within: limit)
            removeNow(id, host)
            paths.paused(id).remove()
        }
    }

    func removeNow(_ id: SandboxID, _ host: MachineHost?) {
        guard let host else { return }
        if !host.remove(id) {
            logger.error("control groups of a machine stay behind", metadata: ["sandbox_id": "\(id)"])
        }
    }

    public func sweep(keeping live: Set<SandboxID>) async {
        let known = await offPool { [paths, groups] in
            groups.known.union(HostFiles.names(in: paths.sandboxes).compactMap { SandboxID($0) })
        }
        let booting = booting.withLock { $0 }
        for id in known where !live.contains(id) && !booting.contains(id) {
            await locks.withLock(id) {
                logger.info("machine of nobody removed", metadata: ["sandbox_id": "\(id)"])
                await removeLocked(id)
            }
        }
        await offPool { [self] in removeOld(keeping: live) }
    }

    public func shutdown() async {
        await sweep(keeping: [])
        templates.clear()
        await offPool { [paths, groups] in
            rmdir(paths.sandboxes)
            rmdir(paths.runtime)
            groups.removeParents()
        }
    }

    // MARK: - The host

    func host() async throws(SandboxError) -> MachineHost {
        let vmm = try await blocking { [self] () throws(SystemError) -> QEMU in
            try monitor.withLock { known throws(SystemError) in
                if let known { return known }
                let found = try QEMU(path: configuration.qemuPath, isEmulated: configuration.emulation)
                known = found
                return found
            }
        }
        return MachineHost(
            configuration: configuration, paths: paths, groups: groups, vmm: vmm,
            files: GuestSystemFiles(folder: configuration.guestDirectory, execd: configuration.execdPath))
    }

    /// Runs blocking work on the threads that are there for it.
    func offPool<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value { await lane.run(body) }

    func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) async throws(SandboxError) -> Value {
        let result = await lane.run { () -> Result<Value, SystemError> in
            do throws(SystemError) { return .success(try body()) } catch { return .failure(error) }
        }
        do { return try result.get() } catch { throw SandboxError(error) }
    }
}
