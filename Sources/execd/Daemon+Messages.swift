internal import ExecdProtocol
internal import Toolset

extension Daemon {
    /// Acts on one message from a worker.
    func handle(_ message: WorkerMessage, on stream: UInt32, of connection: Connection) {
        guard connection.hasGreeted else { return greet(message, connection) }
        switch message {
        case .hello: connection.fail(Fault(.violation, "a second hello"))
        case .ping(let value): connection.send(.pong(value))
        case .pong: return
        case .shutdown: end()
        case .call(let id, let input): call(id, input, stream, connection)
        case .cancel(let id): dispatcher.cancel(id)
        case .journalRequest: connection.replays.append((stream, journal.ids[...]))
        case .putBegin, .putData, .putEnd: put(message, stream, connection)
        case .openPort(let port): openPort(port, stream, connection)
        case .openShell(let columns, let rows, let command): openShell(columns, rows, command, stream, connection)
        case .configure(let wanted): configure(wanted, stream, connection)
        case .resize(let columns, let rows): relays[stream]?.resize(columns, rows)
        case .data(let bytes):
            guard names?.take(bytes, on: stream) != true, let relay = relays[stream] else { return }
            if !relay.receive(bytes, connection) { connection.fail(Fault(.violation, "data beyond the credit")) }
            if relay.isFinished { relays[stream] = nil }
        case .window(let credit):
            guard let relay = relays[stream] else { return }
            if !relay.grant(credit, connection) { connection.fail(Fault(.violation, "too much credit")) }
            if relay.isFinished { relays[stream] = nil }
        case .end:
            names?.end(stream)
            guard let relay = relays[stream] else { return }
            relay.workerEnded(connection)
            if relay.isFinished { relays[stream] = nil }
        case .reset:
            names?.end(stream)
            relays.removeValue(forKey: stream)?.drop()
        }
    }

    private func greet(_ message: WorkerMessage, _ connection: Connection) {
        guard case .hello(let version, let wantsProgress) = message else {
            return connection.fail(Fault(.violation, "the first message must be hello"))
        }
        guard version == ProtocolLimits.version else {
            return connection.fail(
                Fault(.violation, "protocol version \(version) is not \(ProtocolLimits.version)"))
        }
        connection.hasGreeted = true
        connection.wantsProgress = wantsProgress
        activate(connection)
        connection.send(
            .helloAck(
                HelloAck(
                    instance: instance, workDirectory: settings.workDirectory,
                    outputLimit: UInt32(clamping: settings.outputLimit),
                    defaultTimeoutMilliseconds: UInt32(clamping: settings.defaultTimeoutMilliseconds),
                    maximumTimeoutMilliseconds: UInt32(clamping: settings.maximumTimeoutMilliseconds),
                    proxyPort: proxyPort)))
    }

    private func call(_ id: String, _ input: CallInput, _ stream: UInt32, _ connection: Connection) {
        guard let acceptance = journal.begin(id) else {
            return connection.send(.fault(Fault(.exhausted, "this sandbox has run too many calls")), on: stream)
        }
        connection.send(.callAccepted(acceptance), on: stream)
        switch acceptance {
        case .started:
            connection.waiters[id] = [stream]
            dispatcher.submit(id: id, input: input)
        case .alreadyRunning: connection.waiters[id, default: []].append(stream)
        case .alreadySettled: connection.deliveries.append((stream, id))
        }
    }

    private func put(_ message: WorkerMessage, _ stream: UInt32, _ connection: Connection) {
        do throws(ToolError) {
            switch message {
            case .putBegin(let path, let mode):
                guard canPut(connection), connection.puts[stream] == nil else {
                    return connection.send(.fault(Fault(.exhausted, "too many files at once")), on: stream)
                }
                connection.puts[stream] = try IncomingFile(path: path, mode: mode, stream: stream, gate: gate)
            case .putData(let bytes): try connection.puts[stream]?.append(bytes)
            default:
                guard let file = connection.puts.removeValue(forKey: stream) else { return }
                try file.commit()
                connection.send(.putDone, on: stream)
            }
        } catch {
            connection.puts.removeValue(forKey: stream)?.discard()
            connection.send(.fault(Fault(error)), on: stream)
        }
    }

    private func configure(_ wanted: Configuration, _ stream: UInt32, _ connection: Connection) {
        do throws(ToolError) {
            try configuration.apply(wanted)
            connection.send(.configured, on: stream)
        } catch {
            let code: Fault.Code = error.code == .failed ? .exhausted : .denied
            connection.send(.fault(Fault(code, error.message)), on: stream)
        }
    }

    private func openPort(_ port: UInt16, _ stream: UInt32, _ connection: Connection) {
        guard relays.count < ProtocolLimits.maxStreams, relays[stream] == nil, stream % 2 == 1 else {
            return connection.send(.reset(.tooManyStreams), on: stream)
        }
        do {
            relays[stream] = try Relay(connectingTo: port, stream: stream)
        } catch {
            connection.send(.reset(.refused), on: stream)
        }
    }

    private func openShell(
        _ columns: UInt16, _ rows: UInt16, _ command: String, _ stream: UInt32, _ connection: Connection
    ) {
        guard relays.count < ProtocolLimits.maxStreams, relays[stream] == nil, stream % 2 == 1 else {
            return connection.send(.reset(.tooManyStreams), on: stream)
        }
        do {
            let shell = try AttachedShell(
                columns: columns, rows: rows, command: command, settings: settings, children: children)
            relays[stream] = Relay(shell: shell, stream: stream)
            connection.send(.opened, on: stream)
        } catch {
            connection.send(.reset(.refused), on: stream)
        }
    }
}
