internal import ExecdProtocol
internal import Logging
internal import NIOCore

/// The worker's end of the connection to the daemon inside a sandbox.
///
/// What the daemon sends is hostile until parsed: everything is bounded, and bytes that the protocol does not allow close the
/// connection and fail all that waits on it. Whoever connects ends it with ``detach()`` or ``shutdown(patience:)``.
package final class ExecdClient: Sendable {
    /// What the daemon said about itself.
    package let info: DaemonInfo

    private let channel: any Channel
    private let requests: RequestTable
    private let relays: RelayTable
    private let outlet: FrameOutlet
    /// Serves the connections from inside. The client owns it: it ends with the connection, and `detach` waits for it.
    private let gateTask: Task<Void, Never>?

    /// The largest piece of a file in one frame.
    private static let pieceSize = 64 << 10
    /// For anything but a call: a daemon that takes longer is given up.
    private static let answerLimit = TimeAmount.seconds(60)
    /// For the result of a cancelled call, whose processes the daemon only has to kill.
    private static let cancelLimit = TimeAmount.seconds(30)

    init(
        channel: any Channel, requests: RequestTable, relays: RelayTable, outlet: FrameOutlet, info: DaemonInfo,
        gate: (any OutboundGate)?, logger: Logger
    ) {
        self.channel = channel
        self.requests = requests
        self.relays = relays
        self.outlet = outlet
        self.info = info
        gateTask = gate.map { gate in Task { await relays.serve(with: gate) } }
        logger.debug("attached to a sandbox's daemon", metadata: ["has_proxy": "\(info.proxyPort != nil)"])
    }

    /// Where the tools work, as seen inside.
    package var workDirectory: String { info.workDirectory }

    /// True once the connection is over; nothing can be asked any more.
    package var isClosed: Bool { requests.end != nil }

    /// Waits until the connection is over.
    /// - Returns: why it is; nil when the waiting was cancelled before.
    package func closed() async -> SandboxError? {
        let end = channel.eventLoop.makePromise(of: Void.self)
        channel.closeFuture.cascade(to: end)
        await withTaskCancellationHandler {
            // Neither the end nor a cancellation fails it in a way that matters.
            try? await end.futureResult.get()
        } onCancel: {
            end.succeed()
        }
        return requests.end
    }

    /// Runs one call; see ``Sandbox/run(_:)``. Costs two thread hops and the daemon's own time.
    package func run(_ call: ToolCall) async throws(SandboxError) -> ToolResult {
        guard call.id.utf8.count <= ProtocolLimits.maxCallID, !call.id.isEmpty else {
            return .failure("The call's id is empty or longer than \(ProtocolLimits.maxCallID) bytes.")
        }
        guard !Task.isCancelled else { return .failure("The call was interrupted before it started.") }
        let message: WorkerMessage = .call(id: call.id, input: CallInput(call.input))
        let stream = try requests.begin(.call)
        let answer = await withTaskCancellationHandler {
            outlet.send(message, on: stream)
            // A cancellation that came before the call was sent meant nothing to the daemon.
            if Task.isCancelled { outlet.send(.cancel(id: call.id), on: 0) }
            return await requests.answer(on: stream)
        } onCancel: {
            outlet.send(.cancel(id: call.id), on: 0)
            giveUp(after: Self.cancelLimit, unlessSettled: stream, "the daemon did not end a cancelled call")
        }
        guard case .result(let result) = try answer.get() else {
            throw SandboxError(.protocolViolation, "the daemon answered a call with something else")
        }
        return ToolResult(result)
    }

    /// Started and settled calls of the daemon's life.
    package func journal() async throws(SandboxError) -> [String: JournalEntry] {
        let stream = try requests.begin(.journal)
        outlet.send(.journalRequest, on: stream)
        guard case .journal(let entries) = try await answerInTime(on: stream) else {
            throw SandboxError(.protocolViolation, "the daemon answered for its journal with something else")
        }
        return entries
    }

    /// Opens a stream; see ``Sandbox/open(_:)``.
    package func open(_ target: StreamTarget) async throws(SandboxError) -> any SandboxStream {
        let message: WorkerMessage
        switch target {
        case .port(let port): message = .openPort(port)
        case .terminal(let columns, let rows, let command):
            message = .openShell(columns: max(columns, 1), rows: max(rows, 1), command: try Self.checked(command))
        case .command(let command):
            message = .openShell(columns: 0, rows: 0, command: try Self.checked(command))
        }
        let stream = try requests.begin(.stream)
        guard let connection = relays.adopt(stream, outlet) else {
            _ = requests.abandon(stream)
            throw SandboxError(.quotaExceeded, "the sandbox has too many streams open")
        }
        outlet.send(message, on: stream)
        do throws(SandboxError) {
            guard case .opened = try await answerInTime(on: stream) else {
                throw SandboxError(.protocolViolation, "the daemon opened a stream with something else")
            }
            return connection
        } catch {
            await connection.reset()
            throw error
        }
    }

    private static func checked(_ command: String) throws(SandboxError) -> String {
        guard command.utf8.count <= ProtocolLimits.maxShellCommand, !command.utf8.contains(0) else {
            throw SandboxError(.unsupported, "a command has at most \(ProtocolLimits.maxShellCommand) bytes and no NUL")
        }
        return command
    }

    /// Gives programs variables and certificates; see ``Sandbox/configure(_:)``.
    package func configure(_ settings: SandboxSettings) async throws(SandboxError) {
        let configuration = Configuration(variables: settings.variables, authorities: settings.authorities)
        if let refusal = configuration.refusal { throw SandboxError(.unsupported, refusal) }
        let stream = try requests.begin(.configure)
        outlet.send(.configure(configuration), on: stream)
        guard case .done = try await answerInTime(on: stream) else {
            throw SandboxError(.protocolViolation, "the daemon answered for its configuration with something else")
        }
    }

    /// Writes one file inside; see ``Sandbox/put(_:at:mode:)``. Once begun it goes on to its end, also when cancelled.
    package func put(_ bytes: [UInt8], at path: String, mode: UInt16) async throws(SandboxError) {
        guard path.hasPrefix("/"), path.utf8.count <= 4096, !path.utf8.contains(0) else {
            throw SandboxError(.unsupported, "'\(path.prefix(256))' is not an absolute path of at most 4096 bytes")
        }
        let stream = try requests.begin(.put)
        do throws(SandboxError) {
            try await write(.putBegin(path: path, mode: mode), on: stream)
            var rest = bytes[...]
            while !rest.isEmpty {
                try await write(.putData(Array(rest.prefix(Self.pieceSize))), on: stream)
                rest = rest.dropFirst(Self.pieceSize)
            }
            outlet.send(.putEnd, on: stream)
        } catch {
            // A write fails only with the connection: the request is to be taken, and has the reason.
            requests.close(with: error)
        }
        guard case .done = try await answerInTime(on: stream) else {
            throw SandboxError(.protocolViolation, "the daemon answered for a file with something else")
        }
    }

    /// Tells the daemon to kill everything inside and to exit; returns when the connection is over, at most after `patience`.
    package func shutdown(patience: Duration = .seconds(2)) async {
        outlet.send(.shutdown, on: 0)
        let timer = channel.eventLoop.scheduleTask(in: TimeAmount(patience)) { [channel] in channel.close(promise: nil)
        }
        // However it ended, it ended.
        try? await channel.closeFuture.get()
        timer.cancel()
        await detach()
    }

    /// Ends the connection and leaves the daemon alive. Idempotent.
    package func detach() async {
        requests.close(with: SandboxError(.lost, "the connection to the sandbox was given up"))
        relays.close()
        channel.close(promise: nil)
        try? await channel.closeFuture.get()
        gateTask?.cancel()
        await gateTask?.value
    }

    private func answerInTime(on stream: UInt32) async throws(SandboxError) -> RequestMachine.Answer {
        let timer = giveUp(after: Self.answerLimit, unlessSettled: stream, "the daemon in the sandbox does not answer")
        defer { timer.cancel() }
        return try await requests.answer(on: stream).get()
    }

    private func write(_ message: WorkerMessage, on stream: UInt32) async throws(SandboxError) {
        let timer = giveUp(after: Self.answerLimit, unlessSettled: stream, "the daemon in the sandbox reads nothing")
        defer { timer.cancel() }
        try await outlet.write(message, on: stream)
    }

    @discardableResult
    private func giveUp(after limit: TimeAmount, unlessSettled stream: UInt32, _ reason: String) -> Scheduled<Void> {
        channel.eventLoop.scheduleTask(in: limit) { [requests, channel] in
            guard requests.isOpen(stream) else { return }
            requests.close(with: SandboxError(.timedOut, reason))
            channel.close(promise: nil)
        }
    }
}
