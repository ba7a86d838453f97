internal import Glibc
public import Sandbox
internal import Synchronization

extension OCIEngine {
    public var capabilities: EngineCapabilities {
        let abilities = groups.abilities
        let bounds = [
            ("memory", abilities.memory != nil), ("processes", abilities.processes != nil),
            ("cpu", abilities.cpu != nil), ("disk", isRoot),
        ]
        let hasKernel = configuration.runtime.bringsKernel
        return EngineCapabilities(
            isolation: hasKernel ? .userSpaceKernel : .sharedKernel,
            pause: hasKernel ? .memory : groups.canFreeze ? .processes : .files,
            snapshot: !groups.canFreeze ? .nothing : hasKernel ? .memory : .files,
            images: false, gpus: graphics.count, bounds: Set(bounds.filter(\.1).map(\.0)))
    }

    /// One line for people: what holds a sandbox of this engine, and what does not.
    var boundary: String {
        let abilities = groups.abilities
        let bounds = [
            ("memory", abilities.memory), ("processes", abilities.processes), ("CPU", abilities.cpu), ("disk", "image"),
        ]
        let held = bounds.compactMap { bound in bound.1.map { "\(bound.0) (\($0))" } }.joined(separator: ", ")
        if configuration.runtime.bringsKernel {
            return
                "oci: container of gVisor (runsc, \(configuration.platform.rawValue)) with a kernel of its own in user "
                + "space; own users, no capabilities, no network, read-only root; bounded \(held)"
        }
        return
            "oci: container of \(configuration.runtime.rawValue); own users and namespaces, seccomp allow-list, no capabilities, "
            + "no network, read-only root; bounded \(held); the host's kernel is shared"
    }

    func refuseUnsupported(_ spec: SandboxSpec) throws(SandboxError) {
        try SpecChecks.refuseWritableSystem(spec, "oci")
        guard spec.gpus == 0 || !configuration.runtime.bringsKernel else {
            throw SandboxError(.unsupported, "containers of runsc get no GPUs")
        }
        try graphics.check(spec)
        if case .image = spec.source {
            throw SandboxError(.unsupported, "the oci engine has one root file system: use docker for images")
        }
        let limits = spec.limits
        let memory = configuration.runtime.bringsKernel ? 96 : 32
        guard limits.memoryBytes >= memory << 20, limits.processes >= 32, limits.cpuPercent >= 1,
            limits.diskBytes >= 16 << 20
        else {
            throw SandboxError(
                .unsupported, "limits need at least \(memory) MiB of memory, 32 processes, 1 % CPU and 16 MiB of disk")
        }
        let missing = groups.abilities.missing + (isRoot ? [] : ["disk"])
        guard missing.isEmpty else {
            throw SandboxError(
                .unsupported,
                "the \(missing.joined(separator: ", ")) of a sandbox cannot be bounded on this host: run `perimeter doctor`"
            )
        }
    }

    /// The files that all sandboxes share. Idempotent; blocks.
    /// - Parameter diskBytes: of the work directory that is about to be made.
    func prepareHost(diskBytes: Int) throws(SystemError) {
        // Sandboxes that start at once would write the same drafts.
        try isPrepared.withLock { isPrepared throws(SystemError) in
            try HostFiles.makeFolder(paths.sandboxes, mode: 0o711)
            try HostFiles.makeFolder(daemonFolder, mode: 0o755)
            guard let source = HostFiles.facts(configuration.execdPath) else {
                throw SystemError("find \(configuration.execdPath)", code: ENOENT)
            }
            let copy = HostFiles.facts("\(daemonFolder)/execd")
            if !isPrepared || copy?.size != source.size || (copy?.age ?? 0) > source.age {
                try HostFiles.copy(configuration.execdPath, to: "\(daemonFolder)/execd", mode: 0o755)
            }
            isPrepared = true
            try disk.prepare(bytes: diskBytes)
        }
    }

    public func probe() async -> EngineReport {
        var problems = await offPool { [self] in hostProblems() }
        if !problems.contains(where: \.isFatal), let failure = await trial() {
            problems.append(
                EngineReport.Problem(
                    summary: "a trial sandbox did not start: \(failure)",
                    remedy:
                        "the text before says which step; the root file system needs bash, the kernel user namespaces",
                    isFatal: true))
        }
        return EngineReport(
            engine: name, boundary: boundary + graphics.note, isUsable: !problems.contains(where: \.isFatal),
            problems: problems)
    }

    private func hostProblems() -> [EngineReport.Problem] {
        let runtime = configuration.runtime
        let refusal = rootRefusal()
        let overlay = HostFiles.text("/proc/filesystems")?.contains("\toverlay\n") ?? false
        let checks = [
            (isRoot, "the worker is not root", "run it as root: it mounts the root file systems and work directories"),
            (
                runtime.path(chosen: configuration.runtimePath) != nil,
                "there is no \(configuration.runtimePath ?? runtime.rawValue)", "apt-get install \(runtime.rawValue)"
            ),
            (
                access(configuration.execdPath, X_OK) == 0, "there is no \(configuration.execdPath)",
                "build it with ./run, or name it with PERIMETER_EXECD"
            ),
            (
                refusal == nil, "\(configuration.rootfs) cannot be the root file system: \(refusal ?? "")",
                "name a folder with a Linux system, or an OCI image layout, with PERIMETER_OCI_ROOTFS"
            ),
            (overlay, "the kernel has no overlay file system", "load the overlay module"),
            (access(WorkDisk.formatter, X_OK) == 0, "there is no \(WorkDisk.formatter)", "apt-get install e2fsprogs"),
            (
                access("/dev/loop-control", R_OK) == 0, "there is no /dev/loop-control, so the disk cannot be bounded",
                "load the loop module"
            ),
        ]
        let groups = groups.abilities.missing.map { controller in
            (false, "the \(controller) controller cannot be used", "run as root on a host with control groups")
        }
        return (checks + groups).filter { !$0.0 }.map {
            EngineReport.Problem(summary: $0.1, remedy: $0.2, isFatal: true)
        } + graphics.problems
    }

    private func rootRefusal() -> String? {
        do throws(SystemError) { return RootMount.refusal(of: try rootfs()) } catch { return error.what }
    }

    /// Starts a sandbox, runs a command in it and removes it. - Returns: why that failed.
    private func trial() async -> String? {
        guard let id = SandboxID("probe-\(getpid())-\(UInt32.random(in: 0...UInt32.max))") else { return "no id" }
        let spec = SandboxSpec(
            id: id, limits: ResourceLimits(memoryBytes: 256 << 20, processes: 64, diskBytes: 16 << 20))
        do throws(SandboxError) {
            let sandbox = try await provision(spec)
            // A kernel in user space may be too old for the programs of a root file system: these ask the most of it.
            let call = ToolCall(
                id: "probe",
                input: .bash(
                    command: "! type ls > /dev/null 2>&1 || ls -d / > /dev/null", restart: false,
                    timeoutMilliseconds: 10_000))
            let result: ToolResult
            do throws(SandboxError) { result = try await sandbox.run(call) } catch {
                await sandbox.destroy()
                throw error
            }
            await sandbox.destroy()
            await offPool { [paths] in _ = unlink(paths.sandbox(id).image) }
            return result.isError
                ? "`ls` of the root file system fails in it: take a newer runtime, or other programs" : nil
        } catch {
            return error.message
        }
    }
}
