public import Logging
internal import Synchronization

/// Keeps sandboxes ready before a session asks for one.
///
/// A pool learns what to keep from the requests that it sees: for each owner (``SandboxSpec/warm``), sandboxes of the latest
/// shape (limits, network, source). A session that has no sandbox yet takes one that is ready; the pool remembers which,
/// on disk, because the files of the session live under that name from then on.
public final class WarmPool: SandboxProvider {
    private struct WarmSandbox: Sendable {
        var gate: GateSwitch
        var sandbox: any Sandbox
    }

    private let engine: any SandboxProvider
    private let names: any WarmNames
    private let logger: Logger
    private let shelves: Mutex<WarmShelves<WarmSandbox>>

    /// - Parameters:
    ///   - size: sandboxes kept ready at the most, for all owners together; from 1.
    ///   - names: remembers which session got which.
    public init(engine: any SandboxProvider, size: Int, names: any WarmNames, logger: Logger) {
        self.engine = engine
        shelves = Mutex(WarmShelves(bound: size))
        self.names = names
        self.logger = logger
    }

    public var name: String { engine.name }
    public var capabilities: EngineCapabilities { engine.capabilities }
    /// How many are ready now.
    public var readyCount: Int { shelves.withLock { $0.readyCount } }

    public func probe() async -> EngineReport { await engine.probe() }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        // One in which packages are installed is like no session's.
        guard !spec.id.rawValue.hasPrefix(SnapshotID.layerPrefix) else { return try await engine.provision(spec) }
        defer { refill(like: spec) }
        if let name = await names.name(of: spec.id) {
            return RenamedSandbox(id: spec.id, inner: try await engine.provision(spec.renamed(name)))
        }
        while await names.isNew(spec.id), let warm = shelves.withLock({ $0.take(like: spec) }) {
            defer { shelves.withLock { $0.settled(warm.spec.id) } }
            // One that died while it waited is forgotten; a session's files must not depend on it.
            guard (try? await warm.item.sandbox.journal()) != nil,
                await names.remember(warm.spec.id, for: spec.id)
            else {
                await warm.item.sandbox.destroy()
                continue
            }
            warm.item.gate.set(spec.gate)
            return RenamedSandbox(id: spec.id, inner: warm.item.sandbox)
        }
        return try await engine.provision(spec)
    }

    private func refill(like spec: SandboxSpec) {
        // A graphics processor that waits for a session is one that another session lacks.
        guard spec.gpus == 0 else { return }
        let orders = shelves.withLock { shelves in
            shelves.ask(like: spec) { SandboxID("warm-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)) }
        }
        guard !orders.make.isEmpty || !orders.end.isEmpty else { return }
        Task {
            for warm in orders.end { await warm.sandbox.destroy() }
            for name in orders.make { await make(spec.renamed(name)) }
        }
    }

    private func make(_ wanted: SandboxSpec) async {
        // The gate in the request is that of the session which asked last.
        let gate = GateSwitch()
        var spec = wanted
        spec.gate = gate
        do throws(SandboxError) {
            let sandbox = try await engine.provision(spec)
            let isWanted = shelves.withLock { [spec] in $0.made(spec, WarmSandbox(gate: gate, sandbox: sandbox)) }
            if !isWanted { await sandbox.destroy() }
        } catch {
            shelves.withLock { $0.notMade(wanted) }
            logger.warning(
                "no sandbox kept ready", metadata: ["code": "\(error.code)", "reason": "\(error.message)"])
        }
    }

    public func sweep(keeping live: Set<SandboxID>) async {
        // In this order: what a session takes in between is in the first or in the second.
        let ours = shelves.withLock { $0.names }
        await engine.sweep(keeping: ours.union(await engineNames(of: live)))
    }

    /// Sessions, and the warm sandboxes that they took.
    private func engineNames(of sessions: Set<SandboxID>) async -> Set<SandboxID> {
        var all = sessions
        for id in sessions { if let name = await names.name(of: id) { all.insert(name) } }
        return all
    }

    public func keepsFiles(of id: SandboxID) async -> Bool {
        await engine.keepsFiles(of: await names.name(of: id) ?? id)
    }

    public func forget(_ id: SandboxID) async { await engine.forget(await names.name(of: id) ?? id) }

    public func snapshots() async -> [Snapshot] { await engine.snapshots() }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) { try await engine.removeSnapshot(name) }

    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await engine.exportSnapshot(name, to: path)
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        try await engine.importSnapshot(name, from: path)
    }

    public func shutdown() async {
        await removeReady()
        await engine.shutdown()
    }

    public func shutdown(keeping paused: Set<SandboxID>) async {
        await removeReady()
        await engine.shutdown(keeping: await engineNames(of: paused))
    }

    private func removeReady() async {
        let left = shelves.withLock { $0.close() }
        for warm in left { await warm.sandbox.destroy() }
    }
}
