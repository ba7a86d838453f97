internal import CLinux
internal import Glibc
internal import Sandbox
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
        let result = await offPool { [self] () -> Result<Void, SystemError> in
            removeNow(spec.id)
            do throws(SystemError) {
                try prepareHost(diskBytes: spec.limits.diskBytes)
                let sandbox = paths.sandbox(spec.id)
                try HostFiles.makeFolder(sandbox.folder, mode: 0o711)
                let grant = try graphics.take(spec)
                try groups.create(spec.id, spec.limits)
                if case .snapshot(let name) = spec.source {
                    try shelf.place(name, at: sandbox.image, within: spec.limits.diskBytes)
                }
                try disk.open(spec.id, bytes: spec.limits.diskBytes, owner: Self.users(spec.id).program)
                try RootMount(in: sandbox.folder).open(configuration.rootfs)
                try launch(spec, grant)
                return .success(())
            } catch {
                removeNow(spec.id)
                return .failure(error)
            }
        }
        do { try result.get() } catch { throw SandboxError(error) }
    }

    private func launch(_ spec: SandboxSpec, _ graphics: GraphicsGrant?) throws(SystemError) {
        let sandbox = paths.sandbox(spec.id)
        let program = try program()
        let users = Self.users(spec.id)
        try HostFiles.makeFolder(bundle(spec.id), mode: 0o700)
        try HostFiles.makeFolder(runtimeState(spec.id), mode: 0o711)
        var description = ContainerBundle(
            spec: spec, root: RootMount(in: sandbox.folder).target,
            daemonFolder: daemonFolder, work: disk.source(spec.id), rootUser: users.root, programUser: users.program,
            cgroup: configuration.runtime.leavesGroupsAlone ? nil : "/perimeter-\(owner)/\(spec.id)")
        description.graphics = graphics
        try HostFiles.write(description.json.text, to: "\(bundle(spec.id))/config.json", mode: 0o600)
        let listener = try listen(sandbox)
        defer { close(listener) }
        let joins = try groups.openJoins(spec.id)
        defer { for join in joins { close(join) } }
        let pidFile = "\(bundle(spec.id))/pid"
        try program.run(
            configuration.runtime.run(
                containerName(spec.id), bundle: bundle(spec.id), state: runtimeState(spec.id), pidFile: pidFile),
            joining: joins, listener: listener, within: configuration.startDeadline)
        // Until the ledger is written the container is found by its groups.
        guard let pid = HostFiles.text(pidFile).flatMap({ Int32($0.prefix { $0.isNumber }) }),
            let startedAt = SandboxLedger.startTime(of: pid)
        else { throw SystemError("the container ended at once", code: ECHILD) }
        let ledger = SandboxLedger(pid: pid, startedAt: startedAt, hasProxy: spec.network != .none)
        try HostFiles.write(ledger.text, to: sandbox.ledger, mode: 0o600)
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

    private func program() throws(SystemError) -> RuntimeProgram {
        let runtime = configuration.runtime
        guard let path = runtime.path(chosen: configuration.runtimePath) else {
            throw SystemError("find \(configuration.runtimePath ?? runtime.rawValue)", code: ENOENT)
        }
        return RuntimeProgram(path: path, runtime: runtime, cgroupRoot: configuration.cgroupRoot)
    }
}
