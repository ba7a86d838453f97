internal import ExecdProtocol
internal import NIOCore
internal import Synchronization

/// One TCP stream from inside, bounded both ways by credit.
final class ProxiedConnection: OutboundConnection {
    private struct State {
        var received: [UInt8] = []
        /// Bytes that the daemon may still send.
        var allowance = ProtocolLimits.initialWindow
        /// Bytes taken by the reader and not granted again yet.
        var consumed = 0
        /// Bytes that may still be sent to the daemon.
        var credit = ProtocolLimits.initialWindow
        var hasEnded = false
        var hasFinished = false
        var isBroken = false
        var reader: CheckedContinuation<Void, Never>?
        var writer: CheckedContinuation<Void, Never>?
    }
    private enum Side { case reader, writer }

    private static let windowStep = ProtocolLimits.initialWindow / 4
    private static let pieceSize = 64 << 10

    private let stream: UInt32
    private let channel: any Channel
    private let onEnd: @Sendable () -> Void
    private let state = Mutex(State())

    init(stream: UInt32, channel: any Channel, onEnd: @escaping @Sendable () -> Void) {
        self.stream = stream
        self.channel = channel
        self.onEnd = onEnd
    }

    func read() async throws(SandboxError) -> [UInt8]? {
        while true {
            enum Step { case bytes([UInt8], grant: Int), end, broken, wait }
            let step: Step = state.withLock { state in
                if state.isBroken { return .broken }
                guard !state.received.isEmpty else { return state.hasEnded ? .end : .wait }
                let bytes = Array(state.received.prefix(Self.pieceSize))
                state.received.removeFirst(bytes.count)
                state.consumed += bytes.count
                guard state.consumed >= Self.windowStep || state.received.isEmpty else { return .bytes(bytes, grant: 0) }
                defer { state.consumed = 0 }
                state.allowance += state.consumed
                return .bytes(bytes, grant: state.consumed)
            }
            switch step {
            case .bytes(let bytes, let grant):
                if grant > 0 { send(.window(UInt32(grant))) }
                return bytes
            case .end: return nil
            case .broken: throw Self.lost
            case .wait:
                await wait(.reader) { !$0.received.isEmpty || $0.hasEnded || $0.isBroken }
                if Task.isCancelled { throw Self.lost }
            }
        }
    }

    func write(_ bytes: [UInt8]) async throws(SandboxError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try state.withLock { (state) throws(SandboxError) -> Int in
                guard !state.isBroken, !state.hasFinished else { throw Self.lost }
                let count = min(rest.count, state.credit, Self.pieceSize)
                state.credit -= count
                return count
            }
            guard count > 0 else {
                await wait(.writer) { $0.credit > 0 || $0.isBroken }
                if Task.isCancelled { throw Self.lost }
                continue
            }
            let message: WorkerMessage = .data(Array(rest.prefix(count)))
            do { try await channel.writeAndFlush(ByteBuffer(bytes: message.encoded(on: stream))).get() } catch {
                throw SandboxError(.lost, "the connection to the sandbox broke", cause: error)
            }
            rest = rest.dropFirst(count)
        }
    }

    func finish() async {
        let isOver = state.withLock { state -> Bool? in
            guard !state.hasFinished, !state.isBroken else { return nil }
            state.hasFinished = true
            return state.hasEnded
        }
        guard let isOver else { return }
        send(.end)
        if isOver { onEnd() }
    }

    func reset() async {
        let isNews = state.withLock { state in
            // Both ways ended in order: there is nothing left to reset.
            guard !state.isBroken else { return false }
            let isOver = state.hasEnded && state.hasFinished
            state.isBroken = true
            return !isOver
        }
        wake()
        if isNews { send(.reset(.unspecified)) }
        onEnd()
    }

    /// - Returns: false when the daemon sent more than it was allowed to.
    func received(_ bytes: [UInt8]) -> Bool {
        let isAllowed = state.withLock { state in
            guard bytes.count <= state.allowance, !state.hasEnded else { return false }
            state.allowance -= bytes.count
            state.received.append(contentsOf: bytes)
            return true
        }
        wake()
        return isAllowed
    }

    /// - Returns: false when the credit goes beyond all sense.
    func granted(_ credit: Int) -> Bool {
        let total = state.withLock { state in
            state.credit += credit
            return state.credit
        }
        wake()
        return total <= 1 << 30
    }

    func ended() {
        let isOver = state.withLock { state in
            state.hasEnded = true
            return state.hasFinished
        }
        wake()
        if isOver { onEnd() }
    }

    func broken() {
        state.withLock { $0.isBroken = true }
        wake()
    }

    private func send(_ message: WorkerMessage) {
        channel.writeAndFlush(ByteBuffer(bytes: message.encoded(on: stream)), promise: nil)
    }

    private func wait(
        _ side: Side, until isReady: @Sendable (borrowing State) -> Bool
    ) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if Task.isCancelled || isReady(state) { return true }
                    switch side {
                    case .reader: state.reader = continuation
                    case .writer: state.writer = continuation
                    }
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
    }

    private func wake() {
        let waiters = state.withLock { state in
            defer { (state.reader, state.writer) = (nil, nil) }
            return [state.reader, state.writer]
        }
        for waiter in waiters { waiter?.resume() }
    }

    private static var lost: SandboxError { SandboxError(.lost, "the connection from inside is over") }
}
