internal import ExecdProtocol
internal import Synchronization

/// The byte streams of a connection: those that programs inside have opened, and those that the worker has.
///
/// A stream takes one of ``ProtocolLimits/maxStreams`` places until its serving has ended, also when the daemon has reset it
/// before: so neither the streams nor the tasks for them can grow beyond that.
final class RelayTable: Sendable {
    private struct State {
        var connections: [UInt32: ProxiedConnection] = [:]
        var highest: UInt32 = 0
        /// The highest of the worker's own.
        var highestOwn: UInt32 = 0
        var places = 0
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
        // Never full: each element holds one of as many places.
        (opened, feed) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(ProtocolLimits.maxStreams))
    }

    /// Serves what comes until the table closes; then cancels what is left and returns when it has ended.
    func serve(with gate: any OutboundGate) async {
        await withDiscardingTaskGroup { group in
            for await connection in opened {
                group.addTask { [self] in
                    await Self.serve(connection, with: gate)
                    state.withLock { $0.places -= 1 }
                }
            }
            group.cancelAll()
        }
    }

    private static func serve(_ connection: ProxiedConnection, with gate: any OutboundGate) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await gate.serve(connection) }
            group.addTask { await connection.untilEnded() }
            await group.next()
            group.cancelAll()
        }
        await connection.reset()
    }

    /// Takes in a stream that the worker is about to open. Nil when too many are open.
    func adopt(_ stream: UInt32, _ outlet: FrameOutlet) -> ProxiedConnection? {
        let connection = ProxiedConnection(stream: stream, outlet: outlet) { [weak self] in
            self?.release(stream)
        }
        return state.withLock { state in
            guard !state.isClosed, state.places < ProtocolLimits.maxStreams else { return nil }
            state.places += 1
            state.highestOwn = max(state.highestOwn, stream)
            state.connections[stream] = connection
            return connection
        }
    }

    private func release(_ stream: UInt32) {
        state.withLock { state in
            guard state.connections.removeValue(forKey: stream) != nil else { return }
            state.places -= 1
        }
    }

    /// Takes a message of a stream.
    /// - Returns: why the protocol does not allow it, or nil.
    func receive(_ message: ExecdMessage, on stream: UInt32, _ outlet: FrameOutlet) -> String? {
        if message == .open { return open(stream, outlet) }
        let (connection, wasOpened) = state.withLock { state in
            let isOwn = stream % 2 == 1
            let wasOpened = isOwn ? stream <= state.highestOwn : stream > 0 && stream <= state.highest
            if case .reset = message {
                let connection = state.connections.removeValue(forKey: stream)
                if isOwn, connection != nil { state.places -= 1 }
                return (connection, wasOpened)
            }
            return (state.connections[stream], wasOpened)
        }
        guard wasOpened else { return "a \(message.kind) on stream \(stream), which is not open" }
        switch message {
        case .data(let bytes): return connection?.received(bytes) ?? true ? nil : "data beyond the credit"
        case .window(let credit): return connection?.granted(credit) ?? true ? nil : "too much credit"
        case .exited(let code):
            connection?.exited(code)
            return nil
        case .end: return connection?.ended() ?? true ? nil : "a second end"
        default:
            connection?.broken()
            return nil
        }
    }

    private func open(_ stream: UInt32, _ outlet: FrameOutlet) -> String? {
        let connection = ProxiedConnection(stream: stream, outlet: outlet) { [weak self] in self?.forget(stream) }
        let (isAllowed, isTaken) = state.withLock { state in
            // The daemon takes even numbers, each once.
            guard stream % 2 == 0, stream > state.highest else { return (false, false) }
            state.highest = stream
            guard isOpen, !state.isClosed, state.places < ProtocolLimits.maxStreams else { return (true, false) }
            state.places += 1
            state.connections[stream] = connection
            return (true, true)
        }
        guard isAllowed else { return "an open on stream \(stream), which is not new" }
        if isTaken {
            feed.yield(connection)
        } else {
            outlet.reply(.reset(isOpen ? .tooManyStreams : .refused), on: stream)
        }
        return nil
    }

    func forget(_ stream: UInt32) { if stream % 2 == 1 { release(stream) } else { drop(stream) } }

    private func drop(_ stream: UInt32) { state.withLock { _ = $0.connections.removeValue(forKey: stream) } }

    /// Breaks all streams; none opens later.
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
