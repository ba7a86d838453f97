internal import Sandbox

/// A living sandbox whose connection is made anew when its programs are moved: their memory can be saved only while no stream
/// of the host reaches inside.
///
/// Calls in flight are asked again, which the daemon's journal answers without running them twice. Opened streams end.
struct MovingSandbox: Sandbox {
    let id: SandboxID
    let boundary: String
    let stages: [SandboxStage: Duration]
    private let slot: ClientSlot
    private let keeper: any SandboxKeeper
    private let reconnect: @Sendable () async throws(SandboxError) -> ExecdClient

    init(
        id: SandboxID, boundary: String, client: ExecdClient, keeper: any SandboxKeeper,
        stages: [SandboxStage: Duration], reconnect: @escaping @Sendable () async throws(SandboxError) -> ExecdClient
    ) {
        self.id = id
        self.boundary = boundary
        self.stages = stages
        self.keeper = keeper
        self.reconnect = reconnect
        slot = ClientSlot(client)
    }

    func run(_ call: ToolCall) async throws(SandboxError) -> ToolResult {
        try await asking { client async throws(SandboxError) in try await client.run(call) }
    }

    func journal() async throws(SandboxError) -> [String: JournalEntry] {
        try await asking { client async throws(SandboxError) in try await client.journal() }
    }

    func open(_ target: StreamTarget) async throws(SandboxError) -> any SandboxStream {
        try await asking { client async throws(SandboxError) in try await client.open(target) }
    }

    func configure(_ settings: SandboxSettings) async throws(SandboxError) {
        try await asking { client async throws(SandboxError) in try await client.configure(settings) }
    }

    func put(_ bytes: [UInt8], at path: String, mode: UInt16) async throws(SandboxError) {
        try await asking { client async throws(SandboxError) in try await client.put(bytes, at: path, mode: mode) }
    }

    func snapshot(as name: SnapshotID) async throws(SandboxError) {
        await slot.beginMove().detach()
        var failure: SandboxError?
        do throws(SandboxError) { try await keeper.snapshot(id, as: name) } catch { failure = error }
        var client: ExecdClient?
        do throws(SandboxError) { client = try await reconnect() } catch { failure = failure ?? error }
        await slot.endMove(to: client)
        if let failure { throw failure }
    }

    func detach() async { await slot.current().client.detach() }

    func pause() async throws(SandboxError) {
        await detach()
        try await keeper.pause(id)
    }

    func destroy() async {
        await detach()
        await keeper.remove(id)
    }

    /// Asks through the connection of the moment, and again when it was given up for a move.
    private func asking<Value: Sendable>(
        _ body: (ExecdClient) async throws(SandboxError) -> Value
    ) async throws(SandboxError) -> Value {
        while true {
            let (client, move) = await slot.current()
            do throws(SandboxError) { return try await body(client) } catch {
                guard error.code == .lost, await slot.current().move != move else { throw error }
            }
        }
    }
}

/// The connection of the moment. Who asks while it is replaced waits; there are as many as there are callers.
private actor ClientSlot {
    private var client: ExecdClient
    private var move = 0
    private var isMoving = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    init(_ client: ExecdClient) { self.client = client }

    func current() async -> (client: ExecdClient, move: Int) {
        while isMoving { await withCheckedContinuation { waiters.append($0) } }
        return (client, move)
    }

    /// - Returns: the connection that is to be given up.
    func beginMove() async -> ExecdClient {
        while isMoving { await withCheckedContinuation { waiters.append($0) } }
        isMoving = true
        return client
    }

    /// - Parameter new: nil leaves the old one, which is closed: then the sandbox is lost.
    func endMove(to new: ExecdClient?) {
        if let new {
            client = new
            move += 1
        }
        isMoving = false
        let resumed = waiters
        waiters = []
        for waiter in resumed { waiter.resume() }
    }
}
