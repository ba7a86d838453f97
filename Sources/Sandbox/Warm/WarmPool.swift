public import Logging
internal import Synchronization

/// Keeps sandboxes ready before a session asks for one.
///
/// A pool learns what to keep from the requests that it sees: as many sandboxes of the latest shape (limits, network,
/// source) as it may have. A session that has no sandbox yet takes one that is ready; the pool remembers which,
/// on disk, because the files of the session live under that name from then on.
public final class WarmPool: SandboxProvider {
    private struct State {
        var ready: [WarmSandbox] = []
        /// Names of sandboxes that are being made.
        var making: Set<SandboxID> = []
        var isClosed = false
        var latest: SandboxSpec?
    }
    private struct WarmSandbox: Sendable {
        var spec: SandboxSpec
        var gate: GateSwitch
        var sandbox: any Sandbox
    }

    private let engine: any SandboxProvider
    private let size: Int
    private let names: any WarmNames
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - size: sandboxes kept ready, from 1.
    ///   - names: remembers which session got which.
    public init(engine: any SandboxProvider, size: Int, names: any WarmNames, logger: Logger) {
        self.engine = engine
        self.size = size
        self.names = names
        self.logger = logger
    }

    public var name: String { engine.name }
    public var capabilities: EngineCapabilities { engine.capabilities }
    /// How many are ready now.
    public var readyCount: Int { state.withLock { $0.ready.count } }

    public func probe() async -> EngineReport { await engine.probe() }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        defer { refill(like: spec) }
        if let name = await names.name(of: spec.id) {
            return RenamedSandbox(id: spec.id, inner: try await engine.provision(spec.renamed(name)))
        }
        while await names.isNew(spec.id), let warm = take(like: spec) {
            // One that died while it waited is forgotten; a session's files must not depend on it.
            guard (try? await warm.sandbox.journal()) != nil,
                await names.remember(warm.spec.id, for: spec.id)
            else {
                await warm.sandbox.destroy()
                continue
            }
            warm.gate.set(spec.gate)
            return RenamedSandbox(id: spec.id, inner: warm.sandbox)
        }
        return try await engine.provision(spec)
    }

    private func take(like spec: SandboxSpec) -> WarmSandbox? {
        state.withLock { state in
            guard let place = state.ready.firstIndex(where: { $0.spec.hasShape(of: spec) }) else { return nil }
            return state.ready.remove(at: place)
        }
    }

    private func refill(like spec: SandboxSpec) {
        let wanted = state.withLock { state -> (names: [SandboxID], stale: [WarmSandbox]) in
            guard !state.isClosed else { return ([], []) }
            state.latest = spec
            let stale = state.ready.filter { !$0.spec.hasShape(of: spec) }
            state.ready.removeAll { !$0.spec.hasShape(of: spec) }
            let missing = max(0, size - state.ready.count - state.making.count)
            let names = (0..<missing).compactMap { _ in
                SandboxID("warm-" + String(UInt64.random(in: 0...UInt64.max), radix: 36))
            }
            state.making.formUnion(names)
            return (names, stale)
        }
        guard !wanted.names.isEmpty || !wanted.stale.isEmpty else { return }
        Task {
            for warm in wanted.stale { await warm.sandbox.destroy() }
            for name in wanted.names { await make(spec.renamed(name)) }
        }
    }

    private func make(_ wanted: SandboxSpec) async {
        // The gate in the request is that of the session which asked last.
        let gate = GateSwitch()
        var spec = wanted
        spec.gate = gate
        do throws(SandboxError) {
            let sandbox = try await engine.provision(spec)
            let isWanted = state.withLock { [spec] state in
                state.making.remove(spec.id)
                guard !state.isClosed, state.latest.map({ spec.hasShape(of: $0) }) ?? false else { return false }
                state.ready.append(WarmSandbox(spec: spec, gate: gate, sandbox: sandbox))
                return true
            }
            if !isWanted { await sandbox.destroy() }
        } catch {
            state.withLock { _ = $0.making.remove(wanted.id) }
            logger.warning(
                "no sandbox kept ready", metadata: ["code": "\(error.code)", "reason": "\(error.message)"])
        }
    }

    public func sweep(keeping live: Set<SandboxID>) async {
        var kept = live
        for id in live { if let name = await names.name(of: id) { kept.insert(name) } }
        kept.formUnion(state.withLock { state in state.making.union(state.ready.map(\.spec.id)) })
        await engine.sweep(keeping: kept)
    }

    public func snapshots() async -> [Snapshot] { await engine.snapshots() }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) { try await engine.removeSnapshot(name) }

    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await engine.exportSnapshot(name, to: path)
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        try await engine.importSnapshot(name, from: path)
    }

    public func shutdown() async {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.ready = [] }
            return state.ready
        }
        for warm in left { await warm.sandbox.destroy() }
        await engine.shutdown()
    }
}
