internal import Glibc
public import Sandbox

extension NamespaceEngine {
    /// The files that all sandboxes share. Idempotent; blocks.
    func prepareHost() throws(SystemError) {
        try HostFiles.makeFolder(paths.sandboxes, mode: 0o711)
        try HostFiles.makeFolder(paths.etc, mode: 0o755)
        for (name, text) in Self.configurationFiles where HostFiles.facts("\(paths.etc)/\(name)") == nil {
            try HostFiles.write(text, to: "\(paths.etc)/\(name)", mode: 0o644)
        }
        let source = HostFiles.facts(configuration.execdPath)
        guard let source else { throw SystemError("find \(configuration.execdPath)", code: ENOENT) }
        let copy = HostFiles.facts(paths.execd)
        guard copy?.size != source.size || (copy?.age ?? 0) > source.age else { return }
        try HostFiles.copy(configuration.execdPath, to: paths.execd, mode: 0o755)
    }

    private static let configurationFiles: [(name: String, text: String)] = [
        (
            "passwd",
            "root:x:0:0:root:/root:/usr/sbin/nologin\nagent:x:1000:1000:agent:/workspace:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
        ),
        ("group", "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n"),
        ("hosts", "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n"),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ]

    /// One line for people: what holds a sandbox of this engine, and what does not.
    func boundary(_ limits: ResourceLimits) -> String {
        let abilities = groups.abilities
        let bounds = [
            ("memory", abilities.memory), ("processes", abilities.processes), ("CPU", abilities.cpu),
            ("disk", disk.usesImages ? "image" : nil),
        ]
        let held = bounds.compactMap { bound in bound.1.map { "\(bound.0) (\($0))" } }
        let loose = bounds.filter { $0.1 == nil }.map(\.0)
        return "namespace: bubblewrap, own user and namespaces, seccomp, no capabilities; bounded "
            + (held.isEmpty ? "nothing" : held.joined(separator: ", "))
            + (loose.isEmpty ? "" : "; NOT bounded: \(loose.joined(separator: ", "))")
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
            engine: name, boundary: boundary(ResourceLimits()), isUsable: !problems.contains(where: \.isFatal),
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
        let isStrict = !configuration.allowsWeakerLimits
        for controller in groups.abilities.missing {
            add(
                "the \(controller) controller cannot be used",
                "run as root on a host with control groups, or allow weaker limits", isFatal: isStrict)
        }
        if disk.usesImages {
            for program in ["/sbin/mke2fs", "/usr/bin/setpriv"] where access(program, X_OK) != 0 {
                add("there is no \(program)", "apt-get install e2fsprogs util-linux")
            }
            if access("/dev/loop-control", R_OK) != 0 {
                add("there is no /dev/loop-control, so the disk cannot be bounded", "load the loop module")
            }
        } else {
            add(
                "the disk cannot be bounded without root", "run the worker as root, or allow weaker limits",
                isFatal: isStrict)
        }
        return problems
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
