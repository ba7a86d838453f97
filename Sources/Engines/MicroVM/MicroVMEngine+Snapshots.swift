internal import Glibc
internal import Logging
public import Sandbox

extension MicroVMEngine {
    public func pause(_ id: SandboxID) async throws(SandboxError) {
        let host = try await host()
        let limit = answerDeadline
        try await locks.withLock(id) { () async throws(SandboxError) in
            try await blocking { () throws(SystemError) in try host.pause(id, within: limit) }
        }
    }

    /// The machine stands still while its memory and disk are copied: a tenth of a second for every 100 MiB that they use.
    public func snapshot(_ id: SandboxID, as name: SnapshotID) async throws(SandboxError) {
        let host = try await host()
        let limit = answerDeadline
        try await locks.withLock(id) { () async throws(SandboxError) in
            try await onShelf { (shelf, _) throws(SystemError) in
                try host.snapshot(id, as: name, on: shelf, within: limit)
            }
        }
    }

    /// Those that were made here keep memory; imported ones keep files.
    public func snapshots() async -> [Snapshot] {
        await offPool { [shelf, paths] in
            shelf.all.map { snapshot in
                guard Self.memory(of: snapshot.id, shelf, paths) != nil else { return snapshot }
                let bytes = snapshot.bytes + paths.memory(snapshot.id).bytes
                return Snapshot(id: snapshot.id, bytes: bytes, createdAt: snapshot.createdAt, keeps: .memory)
            }
        }
    }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) {
        await offPool { [shelf, paths] in
            shelf.remove(name)
            paths.memory(name).remove()
        }
    }

    /// Files only: memory fits one monitor and one root image, and a monitor must never read a stranger's.
    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await onShelf { (shelf, _) throws(SystemError) in try shelf.export(name, to: path) }
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        try await onShelf { (shelf, paths) throws(SystemError) in
            // An archive cannot adopt memory that is here: what lies under a name without a snapshot goes first.
            if shelf.seal(of: name) == nil { paths.memory(name).remove() }
            try shelf.take(name, from: path)
        }
    }

    private func onShelf(
        _ body: @escaping @Sendable (SnapshotShelf, EnginePaths) throws(SystemError) -> Void
    ) async throws(SandboxError) {
        let result = await offPool { [shelf, paths] () -> Result<Void, SystemError> in
            do throws(SystemError) { return .success(try body(shelf, paths)) } catch { return .failure(error) }
        }
        do { try result.get() } catch { throw SandboxError(snapshot: error) }
    }

    // MARK: - Starting from one

    /// Before anything is made.
    func refuseMissingSnapshot(_ spec: SandboxSpec) async throws(SandboxError) {
        guard case .snapshot(let name) = spec.source else { return }
        let image = paths.sandbox(spec.id).image
        guard await offPool({ [shelf] in shelf.system(of: name, orOf: image) }) != nil else {
            throw SandboxError(.unsupported, "there is no snapshot '\(name)'")
        }
    }

    /// Starts a session with the memory and files of a snapshot and an identity of its own. Blocks.
    /// - Returns: the connection to its daemon; nil when only the files can be used, which are in place then.
    func fork(_ spec: SandboxSpec, _ name: SnapshotID, _ host: MachineHost) throws(SystemError) -> Int32? {
        let image = paths.sandbox(spec.id).image
        // Memory goes with the files that it was kept with, not with what the session has made of them since.
        let isFirst = HostFiles.facts(image) == nil
        try shelf.place(name, at: image, within: spec.limits.diskBytes)
        guard isFirst, let (saved, kept) = Self.memory(of: name, shelf, paths) else { return nil }
        do throws(SystemError) {
            try refuseForeign(kept, spec, host)
            var record = kept
            record.token = ExecdToken()
            return try withRoot(host) { root throws(SystemError) in
                try host.start(spec, record, from: .saved(saved, root: root, token: kept.token))
            }
        } catch {
            logger.warning(
                "a snapshot's memory cannot be used: the session starts with its files",
                metadata: ["sandbox_id": "\(spec.id)", "reason": "\(error.description)"])
            removeNow(spec.id, host)
            // The guest may have run for a moment.
            unlink(image)
            try shelf.place(name, at: image, within: spec.limits.diskBytes)
            return nil
        }
    }

    /// The memory that was kept together with the snapshot of this name.
    private static func memory(
        of name: SnapshotID, _ shelf: SnapshotShelf, _ paths: EnginePaths
    ) -> (SavedMachine, MachineRecord)? {
        let saved = paths.memory(name)
        guard let seal = shelf.seal(of: name), saved.isMarked(seal.system), let record = saved.record else {
            return nil
        }
        return (saved, record)
    }

    /// Refuses a saved machine that this host, or this request, cannot go on with.
    func refuseForeign(_ record: MachineRecord, _ spec: SandboxSpec, _ host: MachineHost) throws(SystemError) {
        let format = "\(host.vmm.stateFormat)+\(try host.files.rootIdentity())"
        guard record.format == format else {
            throw SystemError(
                "read a machine that \(record.format) saved with \(format): use the same monitor and root image",
                code: ERANGE)
        }
        if let refusal = record.refusal(of: spec) {
            throw SystemError("use the saved machine: \(refusal)", code: ERANGE)
        }
    }

    func withRoot<Value>(
        _ host: MachineHost, _ body: (Int32) throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        let root = open(host.files.root, O_RDONLY | O_CLOEXEC)
        guard root >= 0 else { throw SystemError("open \(host.files.root)") }
        defer { close(root) }
        return try body(root)
    }

    // MARK: - Leftovers

    /// Forgets what nobody can use any more, and disks and paused machines that nobody has used for long. Blocks.
    func removeOld(keeping live: Set<SandboxID>) {
        let limit = Int(configuration.retention.components.seconds)
        for id in HostFiles.names(in: paths.paused).compactMap({ SandboxID($0) }) where !live.contains(id) {
            let saved = paths.paused(id)
            guard let age = HostFiles.facts(saved.folder)?.age, age > limit || saved.record == nil else { continue }
            saved.remove()
        }
        for name in HostFiles.names(in: paths.memories).compactMap({ SnapshotID($0) }) {
            // One that is being written has no record yet, and its folder changes.
            guard shelf.seal(of: name) == nil, let age = HostFiles.facts(paths.memory(name).folder)?.age,
                age > Self.memoryDraftSeconds
            else { continue }
            paths.memory(name).remove()
        }
        shelf.removeDrafts()
        shelf.removeOrigins { [paths] in HostFiles.facts("\(paths.workspaces)/\($0)") != nil }
        disk.removeOld(keeping: live, after: limit)
    }

    private static let memoryDraftSeconds = 3600
}
