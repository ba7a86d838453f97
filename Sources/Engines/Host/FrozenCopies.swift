internal import Glibc
internal import Sandbox

/// Pause and snapshots where a control group freezes the programs and an image of this host holds their files: what the
/// engines without a memory of their own have in common.
struct FrozenCopies: Sendable {
    let groups: ControlGroups
    let paths: EnginePaths
    let shelf: SnapshotShelf
    let locks: SandboxLocks
    let lane: BlockingLane
    /// The root file system of the sandboxes, as snapshots name it.
    let system: String
    /// Whether this host can keep snapshots.
    let isAble: Bool

    /// Stops the programs; their memory stays resident.
    func freeze(_ id: SandboxID) async throws(SandboxError) {
        try await locks.withLock(id) { () async throws(SandboxError) in
            try await onShelf { [groups] () throws(SystemError) in try groups.setFrozen(id, true) }
        }
    }

    func keep(_ id: SandboxID, as name: SnapshotID) async throws(SandboxError) {
        try requireAbility()
        try await locks.withLock(id) { () async throws(SandboxError) in
            try await onShelf { () throws(SystemError) in try keepNow(id, as: name) }
        }
    }

    /// As ``keep(_:as:)``, for a caller who has the lock. Blocks.
    func keepNow(_ id: SandboxID, as name: SnapshotID) throws(SystemError) {
        let sandbox = paths.sandbox(id)
        guard HostFiles.facts(sandbox.ledger) != nil else { throw SystemError("find the sandbox", code: ESRCH) }
        // Nothing inside may write while its files are copied.
        try groups.setFrozen(id, true)
        do throws(SystemError) {
            try shelf.keep(sandbox.image, mountedAt: sandbox.work, system, as: name)
        } catch {
            try? groups.setFrozen(id, false)
            throw error
        }
        try groups.setFrozen(id, false)
    }

    /// Before anything is made.
    func refuseMissing(_ spec: SandboxSpec) async throws(SandboxError) {
        guard case .snapshot(let name) = spec.source else { return }
        let path = paths.sandbox(spec.id).image
        guard await lane.run({ [shelf] in shelf.system(of: name, orOf: path) }) != nil else {
            throw SandboxError(.unsupported, "there is no snapshot '\(name)'")
        }
    }

    func all() async -> [Snapshot] { await lane.run { [shelf] in shelf.all } }

    func remove(_ name: SnapshotID) async { await lane.run { [shelf] in shelf.remove(name) } }

    func export(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await onShelf { [shelf] () throws(SystemError) in try shelf.export(name, to: path) }
    }

    func take(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        try requireAbility()
        try await onShelf { [shelf] () throws(SystemError) in try shelf.take(name, from: path) }
    }

    func requireAbility() throws(SandboxError) {
        guard isAble else {
            throw SandboxError(.unsupported, "snapshots need root and a control group that can freeze")
        }
    }

    func onShelf(_ body: @escaping @Sendable () throws(SystemError) -> Void) async throws(SandboxError) {
        let result = await lane.run { () -> Result<Void, SystemError> in
            do throws(SystemError) { return .success(try body()) } catch { return .failure(error) }
        }
        do throws(SystemError) { try result.get() } catch { throw SandboxError(snapshot: error) }
    }
}
