internal import ExecdProtocol
internal import NIOCore
internal import Synchronization

/// The TCP streams that programs inside have opened, by stream.
final class RelayTable: Sendable {
    private struct State {
        var connections: [UInt32: ProxiedConnection] = [:]
        var highest: UInt32 = 0
        var isClosed = false
    }
    private let state = Mutex(State())
    private let isOpen: Bool
    private let feed: AsyncStream<ProxiedConnection>.Continuation
    /// New connections, for whoever serves them; ends with ``close()``.
    let opened: AsyncStream<ProxiedConnection>

    /// - Parameter isOpen: false refuses every connection.
    init(isOpen: Bool) {
        self.isOpen = isOpen
        (opened, feed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(ProtocolLimits.maxStreams))
    }

    /// Takes a message of a TCP stream. - Returns: false when the protocol does not allow it.
    func receive(_ message: ExecdMessage, on stream: UInt32, _ channel: any Channel) -> Bool {
        switch message {
        case .open: return open(stream, channel)
        case .data(let bytes): return state.withLock({ $0.connections[stream] })?.received(bytes) ?? true
        case .window(let credit): return state.withLock({ $0.connections[stream] })?.granted(Int(credit)) ?? true
        case .end: state.withLock({ $0.connections[stream] })?.ended()
        case .reset: state.withLock { $0.connections.removeValue(forKey: stream) }?.broken()
        default: return false
        }
        return true
    }

    private func open(_ stream: UInt32, _ channel: any Channel) -> Bool {
        let connection = ProxiedConnection(stream: stream, channel: channel) { [weak self] in self?.forget(stream) }
        let (isAllowed, isTaken) = state.withLock { state in
            // execd takes even numbers, each once.
            guard stream % 2 == 0, stream > state.highest else { return (false, false) }
            state.highest = stream
            guard isOpen, !state.isClosed, state.connections.count < ProtocolLimits.maxStreams else {
                return (true, false)
            }
            state.connections[stream] = connection
            return (true, true)
        }
        guard isAllowed else { return false }
        if isTaken {
            feed.yield(connection)
        } else {
            let refusal: WorkerMessage = .reset(.refused)
            channel.writeAndFlush(ByteBuffer(bytes: refusal.encoded(on: stream)), promise: nil)
        }
        return true
    }

    private func forget(_ stream: UInt32) { state.withLock { _ = $0.connections.removeValue(forKey: stream) } }

    func close() {
        let connections = state.withLock { state in
            state.isClosed = true
            defer { state.connections = [:] }
            return Array(state.connections.values)
        }
        feed.finish()
        for connection in connections { connection.broken() }
    }
}
