import Sandbox
import Synchronization

/// Sandboxes in memory. `bash` with a command that starts with `block` runs until it is cancelled or released.
final class FakeProvider: SandboxProvider {
    struct State {
        var sandboxes: [SandboxID: FakeSandbox] = [:]
        var provisioned: [SandboxSpec] = []
        var log: [String] = []
        var provisionFailures: [SandboxError] = []
        var settings: [SandboxSettings] = []
        var settingsFailures: [SandboxError] = []
        var pauseFailures: [SandboxError] = []
        var isUsable = true
        /// Nil installs no packages.
        var system: String?
        var snapshots: [SnapshotID] = []
        var forgotten: [SandboxID] = []
        /// Ids with files of an earlier life.
        var kept: Set<SandboxID> = []
    }
    private let state = Mutex(State())

    var name: String { "fake" }
    var log: [String] { state.withLock { $0.log } }
    var specs: [SandboxSpec] { state.withLock { $0.provisioned } }
    var living: Set<SandboxID> { state.withLock { Set($0.sandboxes.keys) } }

    func script(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    func note(_ line: String) { state.withLock { $0.log.append(line) } }

    func probe() async -> EngineReport {
        let isUsable = state.withLock { $0.isUsable }
        return EngineReport(
            engine: "fake", boundary: "in memory, no boundary – none", isUsable: isUsable,
            problems: isUsable ? [] : [.init(summary: "it is off", remedy: "turn it on", isFatal: true)])
    }

    func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        let result: Result<FakeSandbox, SandboxError> = state.withLock { state in
            state.provisioned.append(spec)
            if !state.provisionFailures.isEmpty { return .failure(state.provisionFailures.removeFirst()) }
            let sandbox = state.sandboxes[spec.id] ?? FakeSandbox(id: spec.id, provider: self)
            state.sandboxes[spec.id] = sandbox
            return .success(sandbox)
        }
        return try result.get()
    }

    /// What sandboxes were brought, in order.
    var settings: [SandboxSettings] { state.withLock { $0.settings } }

    func configure(_ settings: SandboxSettings) throws(SandboxError) {
        let failure = state.withLock { state -> SandboxError? in
            guard state.settingsFailures.isEmpty else { return state.settingsFailures.removeFirst() }
            state.settings.append(settings)
            return nil
        }
        if let failure { throw failure }
    }

    func pause(_ id: SandboxID) throws(SandboxError) {
        let failure = state.withLock { state -> SandboxError? in
            guard state.pauseFailures.isEmpty else { return state.pauseFailures.removeFirst() }
            state.log.append("pause \(id)")
            return nil
        }
        if let failure { throw failure }
    }

    func remove(_ id: SandboxID) { state.withLock { $0.sandboxes[id] = nil } }

    func sandbox(_ id: String) -> FakeSandbox? {
        state.withLock { state in SandboxID(id).flatMap { state.sandboxes[$0] } }
    }

    var capabilities: EngineCapabilities {
        EngineCapabilities(isolation: .unknown, system: state.withLock { $0.system })
    }

    func keepsFiles(of id: SandboxID) async -> Bool { state.withLock { $0.kept.contains(id) } }
    func forget(_ id: SandboxID) async { state.withLock { $0.forgotten.append(id) } }
    var forgotten: [SandboxID] { state.withLock { $0.forgotten } }

    func snapshots() async -> [Snapshot] {
        state.withLock { $0.snapshots }.map { Snapshot(id: $0, bytes: 1, createdAt: 1, keeps: .files) }
    }

    func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) {
        state.withLock { $0.snapshots.removeAll { $0 == name } }
    }

    func shutdown() async {}

    func sweep(keeping live: Set<SandboxID>) async {
        state.withLock { state in state.sandboxes = state.sandboxes.filter { live.contains($0.key) } }
    }
}
