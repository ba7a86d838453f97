internal import Glibc
public import Sandbox
internal import Synchronization

extension NamespaceEngine {
    /// The files that all sandboxes share. Idempotent; blocks.
    /// - Parameter diskBytes: of the work directory that is about to be made.
    func prepareHost(diskBytes: Int) throws(SystemError) {
        // Sandboxes that start at once would write the same drafts.
        try isMirrored.withLock { isMirrored throws(SystemError) in
            let mirror = ConfigurationMirror(folder: paths.etc)
            try prepareFiles()
            if !isMirrored || !mirror.isComplete { try mirror.refresh() }
            isMirrored = true
            try disk.prepare(bytes: diskBytes)
        }
    }

    private func prepareFiles() throws(SystemError) {
        try HostFiles.makeFolder(paths.sandboxes, mode: 0o711)
        let source = HostFiles.facts(configuration.execdPath)
        guard let source else { throw SystemError("find \(configuration.execdPath)", code: ENOENT) }
        let copy = HostFiles.facts(paths.execd)
        guard copy?.size != source.size || (copy?.age ?? 0) > source.age else { return }
        try HostFiles.copy(configuration.execdPath, to: paths.execd, mode: 0o755)
    }

    /// One line for people: what holds a sandbox of this engine, and what does not.
    func boundary(_ system: SandboxSpec.SystemFiles = .readOnly) -> String {
        let abilities = groups.abilities
        let bounds = [
            ("memory", abilities.memory), ("processes", abilities.processes), ("CPU", abilities.cpu),
            ("disk", disk.usesImages ? "image" : nil),
        ]
        let held = bounds.compactMap { bound in bound.1.map { "\(bound.0) (\($0))" } }
        let loose = bounds.filter { $0.1 == nil }.map(\.0)
        let rights = system == .writable ? "root of a system of its own" : "no capabilities"
        return "namespace: bubblewrap, own user and namespaces, seccomp allow-list, "
            + (KernelWalls.landlock == nil ? "" : "Landlock, ") + "\(rights); bounded "
            + (held.isEmpty ? "nothing" : held.joined(separator: ", "))
            + (loose.isEmpty ? "" : "; NOT bounded: \(loose.joined(separator: ", "))")
            + (KernelWalls.landlock == nil ? "; the kernel has NO Landlock" : "")
    }

    public func probe() async -> EngineReport {
        var problems = await offPool { [self] in hostProblems() }
        if !problems.contains(where: \.isFatal) {
            if let failure = await trial() {
                problems.append(
                    EngineReport.Problem(
                        summary: "a trial sandbox did not start: \(failure)",
                        remedy:
                            "the text before says which step; user namespaces must be allowed (sysctl user.max_user_namespaces)",
                        isFatal: true))
            }
        }
        return EngineReport(
            engine: name, boundary: boundary() + graphics.note, isUsable: !problems.contains(where: \.isFatal),
            problems: problems)
    }

    private func hostProblems() -> [EngineReport.Problem] {
        var problems: [EngineReport.Problem] = []
        func add(_ summary: String, _ remedy: String, isFatal: Bool = true) {
            problems.append(EngineReport.Problem(summary: summary, remedy: remedy, isFatal: isFatal))
        }
        if access(configuration.bubblewrapPath, X_OK) != 0 {
            add("there is no \(configuration.bubblewrapPath)", "apt-get install bubblewrap")
        }
        if access(configuration.execdPath, X_OK) != 0 {
            add("there is no \(configuration.execdPath)", "build it with ./run, or name it with PERIMETER_EXECD")
        }
        if KernelWalls.landlock == nil {
            add(
                "the kernel has no Landlock, the second wall around what programs may write",
                "Linux 5.19 or later with `landlock` among the names of its `lsm=` parameter", isFatal: false)
        }
        let isStrict = !configuration.allowsWeakerLimits
        for controller in groups.abilities.missing {
            add(
                "the \(controller) controller cannot be used",
                "run as root on a host with control groups, or allow weaker limits", isFatal: isStrict)
        }
        if disk.usesImages {
            if access(WorkDisk.formatter, X_OK) != 0 {
                add("there is no \(WorkDisk.formatter)", "apt-get install e2fsprogs")
            }
            if access("/dev/loop-control", R_OK) != 0 {
                add("there is no /dev/loop-control, so the disk cannot be bounded", "load the loop module")
            }
        } else {
            add(
                "the disk cannot be bounded without root", "run the worker as root, or allow weaker limits",
                isFatal: isStrict)
        }
        if system == nil {
            add(
                "system files of sandboxes cannot change here, so packages of environments are not installed",
                "run as root on a kernel of 5.19 or later, with /usr and the data directory on ext4, xfs or btrfs",
                isFatal: false)
        }
        return problems + graphics.problems
    }

    /// Starts a sandbox, runs a command in it and removes it. - Returns: why that failed.
    private func trial() async -> String? {
        let number = UInt32.random(in: 0...UInt32.max)
        guard let id = SandboxID("probe-\(getpid())-\(number)") else { return "no id" }
        let spec = SandboxSpec(
            id: id, limits: ResourceLimits(memoryBytes: 256 << 20, processes: 32, diskBytes: 16 << 20))
        do throws(SandboxError) {
            let sandbox = try await provision(spec)
            let call = ToolCall(
                id: "probe", input: .bash(command: "echo ready", restart: false, timeoutMilliseconds: 5000))
            let result: ToolResult
            do throws(SandboxError) { result = try await sandbox.run(call) } catch {
                await sandbox.destroy()
                throw error
            }
            await sandbox.destroy()
            await offPool { [paths] in _ = unlink(paths.sandbox(id).image) }
            return result.isError ? "the command in it failed" : nil
        } catch {
            return error.message
        }
    }
}
