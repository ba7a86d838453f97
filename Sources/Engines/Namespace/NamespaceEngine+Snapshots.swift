public import Sandbox

extension NamespaceEngine {
    private var copies: FrozenCopies {
        FrozenCopies(
            groups: groups, paths: paths, shelf: shelf, locks: locks, lane: lane, system: "host",
            isAble: capabilities.snapshot != .nothing)
    }

    /// Freezes the programs inside; their memory stays resident. A restart of the host ends them and leaves the files.
    public func pause(_ id: SandboxID) async throws(SandboxError) {
        guard groups.canFreeze else { return await remove(id) }
        try await copies.freeze(id)
    }

    public func snapshot(_ id: SandboxID, as name: SnapshotID) async throws(SandboxError) {
        try await copies.keep(id, as: name)
    }

    /// Before anything is made.
    func refuseMissingSnapshot(_ spec: SandboxSpec) async throws(SandboxError) { try await copies.refuseMissing(spec) }

    public func snapshots() async -> [Snapshot] { await copies.all() }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) { await copies.remove(name) }

    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await copies.export(name, to: path)
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        try await copies.take(name, from: path)
    }
}
