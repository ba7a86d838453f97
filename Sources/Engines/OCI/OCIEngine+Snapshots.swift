internal import Glibc
public import Sandbox

extension OCIEngine {
    /// The root file system of its sandboxes, as snapshots name it.
    private static let system = "rootfs"

    /// Freezes the programs inside; their memory stays resident. A restart of the host ends them and leaves the files.
    public func pause(_ id: SandboxID) async throws(SandboxError) {
        guard groups.canFreeze else { return await remove(id) }
        try await locks.withLock(id) { () async throws(SandboxError) in
            try await onHost { [groups] () throws(SystemError) in try groups.setFrozen(id, true) }
        }
    }

    public func snapshot(_ id: SandboxID, as name: SnapshotID) async throws(SandboxError) {
        guard capabilities.snapshot != .nothing else {
            throw SandboxError(.unsupported, "snapshots need root and a control group that can freeze")
        }
        try await locks.withLock(id) { () async throws(SandboxError) in
            try await onHost { [groups, shelf, paths] () throws(SystemError) in
                let sandbox = paths.sandbox(id)
                guard HostFiles.facts(sandbox.ledger) != nil else { throw SystemError("find the sandbox", code: ESRCH) }
                // Nothing inside may write while its files are copied.
                try groups.setFrozen(id, true)
                do throws(SystemError) {
                    try shelf.keep(sandbox.image, mountedAt: sandbox.work, Self.system, as: name)
                } catch {
                    try? groups.setFrozen(id, false)
                    throw error
                }
                try groups.setFrozen(id, false)
            }
        }
    }

    /// Before anything is made.
    func refuseMissingSnapshot(_ spec: SandboxSpec) async throws(SandboxError) {
        guard case .snapshot(let name) = spec.source else { return }
        let path = paths.sandbox(spec.id).image
        guard await offPool({ [shelf] in shelf.system(of: name, orOf: path) }) != nil else {
            throw SandboxError(.unsupported, "there is no snapshot '\(name)'")
        }
    }

    public func snapshots() async -> [Snapshot] { await offPool { [shelf] in shelf.all } }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) {
        await offPool { [shelf] in shelf.remove(name) }
    }

    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await onHost { [shelf] () throws(SystemError) in try shelf.export(name, to: path) }
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        guard capabilities.snapshot != .nothing else {
            throw SandboxError(.unsupported, "snapshots need root and a control group that can freeze")
        }
        try await onHost { [shelf] () throws(SystemError) in try shelf.take(name, from: path) }
    }

    private func onHost(_ body: @escaping @Sendable () throws(SystemError) -> Void) async throws(SandboxError) {
        let result = await offPool { () -> Result<Void, SystemError> in
            do throws(SystemError) {
                try body()
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        do throws(SystemError) { try result.get() } catch { throw SandboxError(snapshot: error) }
    }
}
