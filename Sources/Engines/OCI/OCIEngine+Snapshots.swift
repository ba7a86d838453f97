public import Sandbox

extension OCIEngine {
    var copies: FrozenCopies {
        FrozenCopies(
            groups: groups, paths: paths, shelf: shelf, locks: locks, lane: lane, system: "rootfs",
            isAble: capabilities.snapshot != .nothing)
    }

    /// With a kernel of its own: writes the memory to disk and ends the programs. Otherwise freezes them; their memory stays
    /// resident, and a restart of the host ends them and leaves the files.
    public func pause(_ id: SandboxID) async throws(SandboxError) {
        guard configuration.runtime.bringsKernel else {
            guard groups.canFreeze else { return await remove(id) }
            return try await copies.freeze(id)
        }
        try await locks.withLock(id) { () async throws(SandboxError) in
            try await blocking { [self] () throws(SystemError) in try pauseGuest(id) }
        }
    }

    public func snapshot(_ id: SandboxID, as name: SnapshotID) async throws(SandboxError) {
        guard configuration.runtime.bringsKernel else { return try await copies.keep(id, as: name) }
        let copies = copies
        try copies.requireAbility()
        try await locks.withLock(id) { () async throws(SandboxError) in
            try await copies.onShelf { [self] () throws(SystemError) in try snapshotGuest(id, as: name) }
        }
    }

    /// Before anything is made.
    func refuseMissingSnapshot(_ spec: SandboxSpec) async throws(SandboxError) { try await copies.refuseMissing(spec) }

    /// Those that were made here with a kernel of their own keep memory; others, and imported ones, keep files.
    public func snapshots() async -> [Snapshot] {
        let all = await copies.all()
        guard configuration.runtime.bringsKernel else { return all }
        return await offPool { [self] in
            all.map { snapshot in
                guard let (memory, _) = memory(of: snapshot.id) else { return snapshot }
                return Snapshot(
                    id: snapshot.id, bytes: snapshot.bytes + memory.bytes, createdAt: snapshot.createdAt,
                    keeps: .memory)
            }
        }
    }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) {
        await copies.remove(name)
        await offPool { [paths] in paths.containerMemory(name).remove() }
    }

    /// Files only: memory fits one runtime and one root file system, and a kernel must never read a stranger's.
    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await copies.export(name, to: path)
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        // An archive cannot adopt memory that is here: what lies under a name without a snapshot goes first.
        await offPool { [paths, shelf] in
            if shelf.seal(of: name) == nil { paths.containerMemory(name).remove() }
        }
        try await copies.take(name, from: path)
    }
}
