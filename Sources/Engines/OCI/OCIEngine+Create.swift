internal import CLinux
internal import Glibc
internal import Sandbox
internal import Synchronization
internal import Wire

extension OCIEngine {
    /// The folder on the host that every container has mounted, with the daemon in it.
    var daemonFolder: String { "\(paths.runtime)/daemon" }

    /// The same for the same sandbox.
    func containerName(_ id: SandboxID) -> String { "perimeter-\(owner)-\(id)" }
    func runtimeState(_ id: SandboxID) -> String { paths.sandbox(id).folder + "/state" }
    func bundle(_ id: SandboxID) -> String { paths.sandbox(id).folder + "/bundle" }

    /// The users on the host that a container's programs and its root are: far from all real ones, the same for the same
    /// session, so that the files of its work directory stay its own.
    static func users(_ id: SandboxID) -> (program: UInt32, root: UInt32) {
        let program = ConfinedProgram.user(of: id)
        return (program, program + 0x1000_0000)
    }

    /// Everything up to a running container; what was made is removed again when a step fails.
    func started(_ spec: SandboxSpec) async throws(SandboxError) {
        try await blocking { [self] () throws(SystemError) in
            removeNow(spec.id)
            do throws(SystemError) {
                if try startFork(spec) { return }
                try prepare(spec)
                if configuration.runtime.bringsKernel {
                    let record = ContainerRecord(spec, token: ExecdToken(), format: try memoryFormat())
                    try startGuest(spec, record, from: nil)
                } else {
                    try startShared(spec)
                }
            } catch {
                removeNow(spec.id)
                throw error
            }
        }
    }

    /// What a container needs on the host before it starts.
    func prepare(_ spec: SandboxSpec) throws(SystemError) {
        try prepareHost(diskBytes: spec.limits.diskBytes)
        let sandbox = paths.sandbox(spec.id)
        try HostFiles.makeFolder(sandbox.folder, mode: 0o711)
        try groups.create(spec.id, hostLimits(spec.limits))
        if case .snapshot(let name) = spec.source {
            try shelf.place(name, at: sandbox.image, within: spec.limits.diskBytes)
        }
        try disk.open(spec.id, bytes: spec.limits.diskBytes, owner: Self.users(spec.id).program)
        try RootMount(in: sandbox.folder).open(try rootfs())
    }

    /// The folder that sandboxes have as their root: the configured one, or what the configured image unpacks to, which is done once.
    func rootfs() throws(SystemError) -> String {
        guard let layout = ImageLayout(configuration.rootfs) else { return configuration.rootfs }
        return try unpacked.withLock { known throws(SystemError) in
            if let known, HostFiles.facts(known) != nil { return known }
            do throws(ImageError) {
                let root = try images.root(of: layout)
                known = root
                return root
            } catch {
                throw SystemError("use the image \(configuration.rootfs): \(error)", code: EINVAL)
            }
        }
    }

    /// Programs of a container with its own kernel are several processes each on the host, beside those of the kernel: there
    /// its own bound counts, and the host's is what holds when that kernel does not.
    func hostLimits(_ limits: ResourceLimits) -> ResourceLimits {
        guard configuration.runtime.bringsKernel else { return limits }
        var limits = limits
        limits.processes = limits.processes * 16 + 256
        return limits
    }

    /// - Parameter token: for a container with its own kernel.
    func writeBundle(
        _ spec: SandboxSpec, _ token: ExecdToken?, _ graphics: GraphicsGrant? = nil
    ) throws(SystemError) {
        let users = Self.users(spec.id)
        try HostFiles.makeFolder(bundle(spec.id), mode: 0o700)
        try HostFiles.makeFolder(runtimeState(spec.id), mode: 0o711)
        var description = ContainerBundle(
            spec: spec, root: RootMount(in: paths.sandbox(spec.id).folder).target, daemonFolder: daemonFolder,
            work: disk.source(spec.id), rootUser: users.root, programUser: users.program,
            cgroup: configuration.runtime.leavesGroupsAlone ? nil : "/perimeter-\(owner)/\(spec.id)", token: token)
        description.graphics = graphics
        try HostFiles.write(description.json.text, to: "\(bundle(spec.id))/config.json", mode: 0o600)
    }

    /// A container on the host's kernel, whose daemon inherits its socket.
    private func startShared(_ spec: SandboxSpec) throws(SystemError) {
        try writeBundle(spec, nil, try graphics.take(spec))
        let listener = try listen(paths.sandbox(spec.id))
        defer { close(listener) }
        try runRuntime(
            spec.id,
            configuration.runtime.run(
                containerName(spec.id), bundle: bundle(spec.id), state: runtimeState(spec.id),
                pidFile: pidFile(spec.id)),
            listener: listener, within: configuration.startDeadline)
        try writeLedger(spec)
    }

    func pidFile(_ id: SandboxID) -> String { "\(bundle(id))/pid" }

    /// Until the ledger is written the container is found by its groups.
    func writeLedger(_ spec: SandboxSpec) throws(SystemError) {
        guard let pid = HostFiles.text(pidFile(spec.id)).flatMap({ Int32($0.prefix { $0.isNumber }) }),
            let startedAt = SandboxLedger.startTime(of: pid)
        else { throw SystemError("the container ended at once", code: ECHILD) }
        let ledger = SandboxLedger(pid: pid, startedAt: startedAt, hasProxy: spec.network != .none)
        try HostFiles.write(ledger.text, to: paths.sandbox(spec.id).ledger, mode: 0o600)
    }

    private func listen(_ sandbox: SandboxPaths) throws(SystemError) -> Int32 {
        let listener = clinux_listen_unix(sandbox.socket)
        guard listener >= 0 else { throw SystemError("listen at \(sandbox.socket)") }
        guard chmod(sandbox.socket, 0o600) == 0 else {
            close(listener)
            throw SystemError("chmod \(sandbox.socket)")
        }
        return listener
    }

    /// Runs the runtime to its end as a member of the sandbox's groups.
    func runRuntime(
        _ id: SandboxID, _ arguments: [String], stream: Int32? = nil, listener: Int32? = nil, within limit: Duration
    ) throws(SystemError) {
        let runtime = configuration.runtime
        guard let path = runtime.path(chosen: configuration.runtimePath) else {
            throw SystemError("find \(configuration.runtimePath ?? runtime.rawValue)", code: ENOENT)
        }
        let joins = try groups.openJoins(id)
        defer { for join in joins { close(join) } }
        try RuntimeProgram(path: path, runtime: runtime, cgroupRoot: configuration.cgroupRoot)
            .run(arguments, joining: joins, stream: stream, listener: listener, within: limit)
    }
}
