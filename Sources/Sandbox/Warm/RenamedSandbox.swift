/// A sandbox that serves a session under another name than the engine's.
struct RenamedSandbox: Sandbox {
    let id: SandboxID
    let inner: any Sandbox

    var boundary: String { inner.boundary }
    var stages: [SandboxStage: Duration] { inner.stages }
    func run(_ call: ToolCall) async throws(SandboxError) -> ToolResult { try await inner.run(call) }
    func journal() async throws(SandboxError) -> [String: JournalEntry] { try await inner.journal() }
    func open(_ target: StreamTarget) async throws(SandboxError) -> any SandboxStream { try await inner.open(target) }
    func configure(_ settings: SandboxSettings) async throws(SandboxError) { try await inner.configure(settings) }
    func put(_ bytes: [UInt8], at path: String, mode: UInt16) async throws(SandboxError) {
        try await inner.put(bytes, at: path, mode: mode)
    }
    func snapshot(as name: SnapshotID) async throws(SandboxError) { try await inner.snapshot(as: name) }
    func pause() async throws(SandboxError) { try await inner.pause() }
    func detach() async { await inner.detach() }
    func destroy() async { await inner.destroy() }
}

extension SandboxSpec {
    func renamed(_ name: SandboxID) -> SandboxSpec {
        var spec = self
        spec.id = name
        return spec
    }

    /// Whether two requests differ in their names only.
    func hasShape(of other: SandboxSpec) -> Bool {
        limits == other.limits && network == other.network && source == other.source && system == other.system
            && gpus == other.gpus
    }
}
