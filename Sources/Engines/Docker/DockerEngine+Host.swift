internal import Glibc
public import Sandbox
internal import Synchronization

extension DockerEngine {
    public var capabilities: EngineCapabilities {
        EngineCapabilities(
            isolation: .sharedKernel, pause: .processes, snapshot: .files, images: true,
            bounds: isRoot ? ["memory", "processes", "cpu", "disk"] : ["memory", "processes", "cpu"])
    }

    /// One line for people: what holds a sandbox of this engine, and what does not.
    var boundary: String {
        let information = known.withLock { $0 }
        let runtime = configuration.runtime ?? information?.defaultRuntime ?? ""
        let daemon = (information?.name ?? "a container daemon") + (runtime.isEmpty ? "" : ", \(runtime)")
        return
            "docker: container of \(daemon); own namespaces, the daemon's seccomp filter, no capabilities, no network, "
            + "read-only image; bounded memory, processes, CPU, disk (image); users NOT mapped, the host's kernel is shared"
    }

    /// The files that all sandboxes share. Idempotent; blocks.
    /// - Parameter diskBytes: of the work directory that is about to be made.
    func prepareHost(diskBytes: Int) throws(SystemError) {
        // Sandboxes that start at once would write the same drafts.
        try preparation.withLock { isDone throws(SystemError) in
            try HostFiles.makeFolder(paths.sandboxes, mode: 0o711)
            guard let source = HostFiles.facts(configuration.execdPath) else {
                throw SystemError("find \(configuration.execdPath)", code: ENOENT)
            }
            let copy = HostFiles.facts(paths.execd)
            if !isDone || copy == nil, copy?.size != source.size || (copy?.age ?? 0) > source.age {
                try HostFiles.copy(configuration.execdPath, to: paths.execd, mode: 0o755)
            }
            isDone = true
            try disk.prepare(bytes: diskBytes)
        }
    }

    /// Refuses a daemon that cannot keep what is promised, once it is known.
    func refuseDaemon() async throws(SandboxError) {
        let information: DaemonInformation
        if let asked = known.withLock({ $0 }) {
            information = asked
        } else {
            do throws(DaemonFailure) { information = try await daemon.info() } catch {
                throw SandboxError(error, while: "describe itself")
            }
            known.withLock { $0 = information }
        }
        guard !information.mapsUsers else {
            throw SandboxError(
                .unsupported,
                "the container daemon maps users (rootless, or userns-remap): this engine needs one that runs as root and "
                    + "maps none")
        }
        if let runtime = configuration.runtime, !information.runtimes.isEmpty, !information.runtimes.contains(runtime) {
            throw SandboxError(
                .unsupported,
                "the container daemon has no runtime '\(runtime)', but \(information.runtimes.sorted().prefix(8))")
        }
    }

    public func probe() async -> EngineReport {
        var problems = await offPool { [self] in hostProblems() }
        if let problem = await daemonProblem() { problems.append(problem) }
        if !problems.contains(where: \.isFatal), let failure = await trial() {
            problems.append(
                EngineReport.Problem(
                    summary: "a trial sandbox did not start: \(failure)",
                    remedy: "the text before says which step; the image needs bash", isFatal: true))
        }
        return EngineReport(
            engine: name, boundary: boundary, isUsable: !problems.contains(where: \.isFatal), problems: problems)
    }

    private func hostProblems() -> [EngineReport.Problem] {
        let checks = [
            (isRoot, "the worker is not root", "run it as root: it mounts the work directories"),
            (
                access(configuration.execdPath, X_OK) == 0, "there is no \(configuration.execdPath)",
                "build it with ./run, or name it with PERIMETER_EXECD"
            ),
            (access(WorkDisk.formatter, X_OK) == 0, "there is no \(WorkDisk.formatter)", "apt-get install e2fsprogs"),
            (
                access("/dev/loop-control", R_OK) == 0, "there is no /dev/loop-control, so the disk cannot be bounded",
                "load the loop module"
            ),
        ]
        return checks.filter { !$0.0 }.map { EngineReport.Problem(summary: $0.1, remedy: $0.2, isFatal: true) }
    }

    private func daemonProblem() async -> EngineReport.Problem? {
        do throws(SandboxError) {
            // What it said before may be of another daemon.
            known.withLock { $0 = nil }
            try await refuseDaemon()
            guard let reference = ImageReference(configuration.image) else {
                return EngineReport.Problem(
                    summary: "'\(configuration.image)' is not the name of an image", remedy: "name one", isFatal: true)
            }
            do throws(DaemonFailure) {
                guard try await daemon.image(reference) == nil, !configuration.pulls else { return nil }
            } catch {
                throw SandboxError(error, while: "look for the image")
            }
            return EngineReport.Problem(
                summary: "the container daemon does not have the image '\(reference.text)'",
                remedy: "docker pull \(reference.text)", isFatal: true)
        } catch {
            return EngineReport.Problem(
                summary: error.message, remedy: "start Docker 20.10, Podman 4 or newer as root", isFatal: true)
        }
    }

    /// Starts a sandbox, runs a command in it and removes it. - Returns: why that failed.
    private func trial() async -> String? {
        guard let id = SandboxID("probe-\(getpid())-\(UInt32.random(in: 0...UInt32.max))") else { return "no id" }
        let spec = SandboxSpec(
            id: id, limits: ResourceLimits(memoryBytes: 256 << 20, processes: 32, diskBytes: 16 << 20))
        do throws(SandboxError) {
            let sandbox = try await provision(spec)
            let call = ToolCall(
                id: "probe", input: .bash(command: "echo ready", restart: false, timeoutMilliseconds: 5000))
            let result: Result<ToolResult, SandboxError>
            do throws(SandboxError) { result = .success(try await sandbox.run(call)) } catch {
                result = .failure(error)
            }
            await sandbox.destroy()
            await offPool { [paths] in _ = unlink(paths.sandbox(id).image) }
            return try result.get().isError ? "the command in it failed" : nil
        } catch {
            return error.message
        }
    }
}
