/// A living sandbox whose calls go through its daemon; what surrounds the daemon is its keeper's.
public struct ExecdSandbox: Sandbox {
    public let id: SandboxID
    public let boundary: String
    public let stages: [SandboxStage: Duration]
    private let client: ExecdClient
    private let keeper: any SandboxKeeper

    package init(
        id: SandboxID, boundary: String, client: ExecdClient, keeper: any SandboxKeeper,
        stages: [SandboxStage: Duration] = [:]
    ) {
        self.id = id
        self.boundary = boundary
        self.client = client
        self.keeper = keeper
        self.stages = stages
    }

    public func run(_ call: ToolCall) async throws(SandboxError) -> ToolResult { try await client.run(call) }

    public func journal() async throws(SandboxError) -> [String: JournalEntry] { try await client.journal() }

    public func open(_ target: StreamTarget) async throws(SandboxError) -> any SandboxStream {
        try await client.open(target)
    }

    public func configure(_ settings: SandboxSettings) async throws(SandboxError) {
        try await client.configure(settings)
    }

    public func put(_ bytes: [UInt8], at path: String, mode: UInt16) async throws(SandboxError) {
        try await client.put(bytes, at: path, mode: mode)
    }

    public func snapshot(as name: SnapshotID) async throws(SandboxError) { try await keeper.snapshot(id, as: name) }

    public func detach() async { await client.detach() }

    public func pause() async throws(SandboxError) {
        await client.detach()
        try await keeper.pause(id)
    }

    public func destroy() async {
        await client.detach()
        await keeper.remove(id)
    }
}

/// What an engine does around the daemon of one of its sandboxes. Callers have let go of the daemon where noted.
public protocol SandboxKeeper: Sendable {
    /// Ends everything inside and removes what was made outside, but the files. Idempotent. The daemon is detached.
    func remove(_ id: SandboxID) async
    /// As ``Sandbox/pause()``. The daemon is detached.
    func pause(_ id: SandboxID) async throws(SandboxError)
    /// As ``Sandbox/snapshot(as:)``. The daemon may be in use.
    func snapshot(_ id: SandboxID, as name: SnapshotID) async throws(SandboxError)
}

extension SandboxKeeper {
    public func pause(_ id: SandboxID) async throws(SandboxError) { await remove(id) }

    public func snapshot(_ id: SandboxID, as name: SnapshotID) async throws(SandboxError) {
        throw SandboxError(.unsupported, "this engine keeps no snapshots")
    }
}
