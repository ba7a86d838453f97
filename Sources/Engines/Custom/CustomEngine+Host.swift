internal import Glibc
internal import Logging
public import Sandbox
internal import Wire

extension CustomEngine {
    /// One line for people. What the hook says of itself is quoted as its own word.
    func boundary(_ description: HookDescription) -> String {
        let capabilities = description.limited(to: configuration.ceiling)
        let isolation =
            switch capabilities.isolation {
            case .unknown: "a boundary that this worker cannot check"
            case .sharedKernel: "a shared kernel, as the operator vouches"
            case .userSpaceKernel: "a kernel in user space, as the operator vouches"
            case .ownKernel: "a kernel of its own, as the operator vouches"
            }
        let held = SpecChecks.bounds.filter { capabilities.bounds.contains($0) }
        let loose = SpecChecks.bounds.filter { !capabilities.bounds.contains($0) }
        return "custom: \(isolation); declared bounds: "
            + (held.isEmpty ? "none" : held.joined(separator: ", "))
            + (loose.isEmpty ? "" : "; NOT bounded: \(loose.joined(separator: ", "))")
            + (description.boundary.isEmpty ? "" : "; the hook says: \(description.boundary)")
    }

    public func probe() async -> EngineReport {
        var boundary = "custom: unknown"
        do throws(SandboxError) {
            if let problem = try await hook().problem() { return report(boundary, [problem]) }
            boundary = self.boundary(try await refreshedDescription())
            try await trial()
            return report(boundary, [])
        } catch {
            return report(
                boundary,
                [
                    EngineReport.Problem(
                        summary: "a trial sandbox did not work: \(error.message)",
                        remedy: "docs/custom-engine.md says what the hook must do for each request",
                        isFatal: true)
                ])
        }
    }

    private func report(_ boundary: String, _ problems: [EngineReport.Problem]) -> EngineReport {
        EngineReport(
            engine: name, boundary: boundary, isUsable: !problems.contains(where: \.isFatal), problems: problems)
    }

    /// Creates a sandbox, runs a command in it and removes it.
    private func trial() async throws(SandboxError) {
        guard let id = SandboxID("probe-\(getpid())-\(UInt32.random(in: 0...UInt32.max))") else { return }
        let limits = ResourceLimits(memoryBytes: 256 << 20, processes: 64, cpuPercent: 100, diskBytes: 64 << 20)
        let sandbox = try await provision(SandboxSpec(id: id, limits: limits))
        let call = ToolCall(
            id: "probe", input: .bash(command: "echo ready; id -u", restart: false, timeoutMilliseconds: 10_000))
        let answer: ToolResult
        do throws(SandboxError) { answer = try await sandbox.run(call) } catch {
            await sandbox.destroy()
            throw error
        }
        await sandbox.destroy()
        guard !answer.isError, case .text(let text)? = answer.content.first, text.hasPrefix("ready") else {
            throw SandboxError(.unavailable, "the command in it failed: is there a bash?")
        }
        guard !text.hasPrefix("ready\n0") else {
            throw SandboxError(.unavailable, "programs inside are root: the hook must run the daemon as another user")
        }
    }

    public func snapshot(_ id: SandboxID, as name: SnapshotID) async throws(SandboxError) {
        try await requireSnapshots()
        guard try await call(.snapshot, HookRequest.snapshot(name, of: id, try await owner())) != nil else {
            throw SandboxError(.lost, "the hook knows no such sandbox")
        }
    }

    public func snapshots() async -> [Snapshot] {
        do throws(SandboxError) {
            _ = try await description()
            let kept = capabilities.snapshot
            guard kept != .nothing else { return [] }
            return try HookRequest.snapshots(
                try await call(.snapshots, HookRequest.plain(try await owner())), keeping: kept)
        } catch {
            logger.warning("the hook lists no snapshots", metadata: ["code": "\(error.code)"])
            return []
        }
    }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) {
        try await requireSnapshots()
        _ = try await call(.removeSnapshot, HookRequest.snapshot(name, of: nil, try await owner()))
    }

    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await requireSnapshots()
        let draft = "\(path).\(getpid()).new"
        let file = try await open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, instead: path)
        let limit = configuration.archiveLimit
        do throws(SandboxError) {
            let answer = try await call(
                .exportSnapshot, HookRequest.snapshot(name, of: nil, try await owner()), archive: file)
            guard answer != nil else { throw SandboxError(.unsupported, "the hook knows no such snapshot") }
            let failure = await lane.run { () -> SandboxError? in
                var facts = stat()
                guard fstat(file, &facts) == 0, facts.st_size > 0, facts.st_size <= limit else {
                    return SandboxError(.protocolViolation, "the hook wrote an empty archive, or one that is too large")
                }
                // A new name for the file, and never over another one.
                guard fsync(file) == 0, link(draft, path) == 0 else {
                    return SandboxError(SystemError("write \(path)"))
                }
                return nil
            }
            if let failure { throw failure }
        } catch {
            await discard(file, draft)
            throw error
        }
        await discard(file, draft)
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        try await requireSnapshots()
        let file = try await open(path, O_RDONLY | O_CLOEXEC, instead: nil)
        do throws(SandboxError) {
            let request = HookRequest.snapshot(name, of: nil, try await owner())
            guard try await call(.importSnapshot, request, archive: file) != nil else {
                throw SandboxError(.unavailable, "the hook does not know 'import-snapshot'")
            }
        } catch {
            await discard(file, nil)
            throw error
        }
        await discard(file, nil)
    }

    private func requireSnapshots() async throws(SandboxError) {
        _ = try await description()
        guard capabilities.snapshot != .nothing else {
            throw SandboxError(.unsupported, "the hook declares no snapshots")
        }
    }

    private func call(_ verb: HookVerb, _ request: JSON, archive: Int32? = nil) async throws(SandboxError) -> JSON? {
        try await hook().call(verb, request, archive: archive)
    }

    /// - Parameter instead: a path that must be free.
    private func open(_ path: String, _ flags: Int32, instead: String?) async throws(SandboxError) -> Int32 {
        let opened = await lane.run { () -> Result<Int32, SystemError> in
            if let instead, access(instead, F_OK) == 0 {
                return .failure(SystemError("write \(instead)", code: EEXIST))
            }
            let file = Glibc.open(path, flags, 0o600)
            return file >= 0 ? .success(file) : .failure(SystemError("open \(path)"))
        }
        do { return try opened.get() } catch { throw SandboxError(error) }
    }

    private func discard(_ file: Int32, _ draft: String?) async {
        await lane.run {
            close(file)
            if let draft { unlink(draft) }
        }
    }
}
