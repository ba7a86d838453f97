internal import ExecdProtocol
package import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The worker's end of the connection to the daemon inside a sandbox.
///
/// What the daemon sends is hostile until parsed: everything is bounded, and bytes that the protocol does not allow close the
/// connection and fail all that waits on it.
package final class ExecdClient: Sendable {
    private let channel: any Channel
    private let requests: RequestTable
    private let relays: RelayTable
    /// Serves the connections from inside; ends when the connection does.
    private let gateTask: Task<Void, Never>
    /// The largest piece of a file in one frame.
    private static let pieceSize = 64 << 10

    private init(channel: any Channel, requests: RequestTable, relays: RelayTable, gateTask: Task<Void, Never>) {
        self.channel = channel
        self.requests = requests
        self.relays = relays
        self.gateTask = gateTask
    }

    /// Connects to the daemon's socket and waits until it is ready to run calls.
    ///
    /// - Parameters:
    ///   - socketPath: at most 107 bytes, which is what the kernel takes.
    ///   - gate: serves the connections that programs inside make; nil refuses them.
    ///   - deadline: how long the daemon may take to answer.
    /// - Throws: ``SandboxError`` `.lost` when nobody listens, `.timedOut`, `.protocolViolation`.
    package static func connect(
        socketPath: String, gate: (any OutboundGate)?, deadline: Duration, logger: Logger
    ) async throws(SandboxError) -> ExecdClient {
        guard socketPath.utf8.count <= 107 else {
            throw SandboxError(
                .unavailable, "the path of the sandbox's socket is longer than 107 bytes: use a shorter data directory")
        }
        let requests = RequestTable()
        let relays = RelayTable(isOpen: gate != nil)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            ExecdChannelHandler(requests: requests, relays: relays))
                    }
                }
                .connect(unixDomainSocketPath: socketPath).get()
        } catch {
            throw SandboxError(.lost, "no daemon answers in the sandbox", cause: error)
        }
        let gateTask = Task {
            await withDiscardingTaskGroup { group in
                for await connection in relays.opened {
                    group.addTask {
                        await gate?.serve(connection)
                        await connection.reset()
                    }
                }
                group.cancelAll()
            }
        }
        let client = ExecdClient(channel: channel, requests: requests, relays: relays, gateTask: gateTask)
        do throws(SandboxError) {
            try await client.greet(within: deadline)
        } catch {
            await client.detach()
            throw error
        }
        return client
    }

    private func greet(within deadline: Duration) async throws(SandboxError) {
        let timer = Task { [requests] in
            try await Task.sleep(for: deadline)
            requests.close(with: SandboxError(.timedOut, "the daemon in the sandbox did not answer within \(deadline)"))
        }
        defer { timer.cancel() }
        let greeting: WorkerMessage = .hello(version: ProtocolLimits.version, wantsProgress: false)
        let answer = await requests.ask(.hello, on: 0) { self.send(greeting, on: 0) }
        guard case .hello = try answer.get() else {
            throw SandboxError(.protocolViolation, "the daemon in the sandbox did not greet")
        }
    }

    /// True once the connection is over; nothing can be asked any more.
    package var isClosed: Bool { requests.isClosed }

    /// Runs one call; see ``Sandbox/run(_:)``.
    package func run(_ call: ToolCall) async throws(SandboxError) -> ToolResult {
        guard call.id.utf8.count <= ProtocolLimits.maxCallID, !call.id.isEmpty else {
            return .failure("The call's id cannot be used.")
        }
        guard !Task.isCancelled else { return .failure("The call was interrupted before it started.") }
        let stream = try requests.newStream()
        let answer = await withTaskCancellationHandler {
            await requests.ask(.call, on: stream) {
                self.send(.call(id: call.id, input: CallInput(call.input)), on: stream)
            }
        } onCancel: {
            send(.cancel(id: call.id), on: 0)
        }
        guard case .result(let result) = try answer.get() else {
            throw SandboxError(.protocolViolation, "the daemon answered a call with something else")
        }
        return ToolResult(result)
    }

    /// Started and settled calls of the daemon's life.
    package func journal() async throws(SandboxError) -> [String: JournalEntry] {
        let stream = try requests.newStream()
        let answer = await requests.ask(.journal([:]), on: stream) { self.send(.journalRequest, on: stream) }
        guard case .journal(let entries) = try answer.get() else {
            throw SandboxError(.protocolViolation, "the daemon answered for its journal with something else")
        }
        return entries
    }

    /// Writes one file inside; see ``Sandbox/put(_:at:mode:)``.
    package func put(_ bytes: [UInt8], at path: String, mode: UInt16) async throws(SandboxError) {
        guard path.hasPrefix("/"), path.utf8.count <= 4096, !path.utf8.contains(0) else {
            throw SandboxError(.unsupported, "'\(path.prefix(256))' is not an absolute path of at most 4096 bytes")
        }
        let stream = try requests.newStream()
        try await write(.putBegin(path: path, mode: mode), on: stream)
        var rest = bytes[...]
        while !rest.isEmpty {
            try await write(.putData(Array(rest.prefix(Self.pieceSize))), on: stream)
            rest = rest.dropFirst(Self.pieceSize)
        }
        let answer = await requests.ask(.put, on: stream) { self.send(.putEnd, on: stream) }
        guard case .done = try answer.get() else {
            throw SandboxError(.protocolViolation, "the daemon answered for a file with something else")
        }
    }

    /// Tells the daemon to kill everything inside and to exit; returns when the connection is over, at most after `patience`.
    package func shutdown(patience: Duration = .seconds(2)) async {
        send(.shutdown, on: 0)
        let timer = Task { [channel] in
            try await Task.sleep(for: patience)
            channel.close(promise: nil)
        }
        // A connection that is closed already has what was asked for.
        try? await channel.closeFuture.get()
        timer.cancel()
        await detach()
    }

    /// Ends the connection and leaves the daemon alive. Idempotent.
    package func detach() async {
        requests.close(with: SandboxError(.lost, "the connection to the sandbox was given up"))
        relays.close()
        gateTask.cancel()
        channel.close(promise: nil)
        try? await channel.closeFuture.get()
    }

    private func send(_ message: WorkerMessage, on stream: UInt32) {
        channel.writeAndFlush(ByteBuffer(bytes: message.encoded(on: stream)), promise: nil)
    }

    /// As `send`, waiting until the bytes have left: the back-pressure of large files.
    private func write(_ message: WorkerMessage, on stream: UInt32) async throws(SandboxError) {
        do { try await channel.writeAndFlush(ByteBuffer(bytes: message.encoded(on: stream))).get() } catch {
            throw SandboxError(.lost, "the connection to the sandbox broke", cause: error)
        }
    }
}
