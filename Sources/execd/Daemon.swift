internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// The poll loop: one thread that owns the connection, the journal and all TCP streams; tools run on others.
final class Daemon {
    private enum Source {
        case listener, proxy, signals, tools, connection(Connection), relay(UInt32), names(NameService.Source)
    }

    private static let maxConnections = 4
    private static let maxPuts = 16

    let settings: ToolSettings
    let configuration: SessionConfiguration
    let gate: PathGate
    let dispatcher: CallDispatcher
    let proxyPort: UInt16
    let instance = UInt64.random(in: .min ... .max)
    var journal = CallJournal()
    /// Greeted or not; the greeted one is `active`.
    private var connections: [Connection] = []
    private var active: Connection?
    var relays: [UInt32: Relay] = [:]
    private var nextStream: UInt32 = 2
    let children = ChildTable()
    private let tree = ProcessTree(below: getpid())
    private let listener: Descriptor
    private let token: ConnectionToken?
    private let proxy: Descriptor?
    let names: NameService?
    private let signals: Descriptor
    private let wake: WakeEvent
    private var memoryGuard: MemoryGuard?
    private var isEnding = false

    init(
        settings: ToolSettings, trust: TrustFolder, listener: Descriptor, token: ConnectionToken?, first: Descriptor?,
        proxy: Descriptor?, proxyPort: UInt16, names: NameService?, signals: Descriptor,
        memoryGuard: MemoryGuard? = nil
    ) throws {
        self.settings = settings
        configuration = SessionConfiguration(environment: settings.environment, folder: trust)
        self.listener = listener
        self.token = token
        self.proxy = proxy
        self.names = names
        self.proxyPort = proxyPort
        self.signals = signals
        self.memoryGuard = memoryGuard
        gate = try PathGate(settings)
        wake = try WakeEvent()
        dispatcher = try CallDispatcher(settings: settings, gate: gate, children: children, tree: tree, wake: wake)
        if let first { connections.append(Connection(socket: first, token: nil)) }
        guard clinux_set_nonblocking(listener.raw, 1) == 0 else { throw SystemFailure(errno, "fcntl") }
    }

    /// Serves until it is told to end; then everything inside is killed.
    func run() -> Int32 {
        while !isEnding {
            if let active { refill(active) }
            for connection in connections { connection.flush() }
            forgetEnded()
            wait()
        }
        for connection in connections { connection.flush() }
        configuration.end()
        // As init of its namespace the exit does the same, atomically.
        _ = tree.kill(sparing: []) { children.reapAll() }
        return 0
    }

    private func wait() {
        var sources: [Source] = [.signals, .tools, .listener]
        var watched = [
            pollfd(fd: signals.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake.descriptor.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: connections.count < Self.maxConnections ? listener.raw : -1, events: Int16(POLLIN), revents: 0),
        ]
        let canConnect = hasRoom
        if let proxy, canConnect {
            sources.append(.proxy)
            watched.append(pollfd(fd: proxy.raw, events: Int16(POLLIN), revents: 0))
        }
        for (source, entry) in names?.watched(canConnect: canConnect) ?? [] {
            sources.append(.names(source))
            watched.append(entry)
        }
        for connection in connections {
            var events = connection.backlog > 0 ? POLLOUT : 0
            if !connection.isBusy, !connection.isClosing { events |= POLLIN }
            sources.append(.connection(connection))
            watched.append(pollfd(fd: connection.socket.raw, events: Int16(events), revents: 0))
        }
        for (stream, relay) in relays {
            let events = relay.interest(isConnectionBusy: active?.isBusy ?? true)
            guard events != 0 else { continue }
            sources.append(.relay(stream))
            watched.append(pollfd(fd: relay.descriptor, events: events, revents: 0))
        }
        let count = poll(&watched, nfds_t(watched.count), memoryGuard?.patience ?? -1)
        memoryGuard?.look()
        guard count > 0 else { return }
        for (source, entry) in zip(sources, watched) where entry.revents != 0 {
            isReady(source, Int32(entry.revents))
        }
    }

    private func isReady(_ source: Source, _ events: Int32) {
        switch source {
        case .signals: takeSignals()
        case .tools: takeToolEvents()
        case .listener:
            let raw = clinux_accept(listener.raw)
            if raw >= 0 { connections.append(Connection(socket: Descriptor(raw), token: token)) }
        case .proxy: acceptProxied()
        case .names(let source): names?.isReady(source, way)
        case .connection(let connection):
            if events & (POLLIN | POLLHUP | POLLERR) != 0, !connection.isClosing {
                connection.receive { handle($1, on: $0, of: connection) }
            } else if events & (POLLHUP | POLLERR) != 0 {
                connection.flush()
                close(connection)
            }
        case .relay(let stream):
            guard let active, let relay = relays[stream] else { return }
            relay.isReady(events, to: active)
            if relay.isFinished { relays[stream] = nil }
        }
    }

    private func takeSignals() {
        while let bytes = try? signals.read(upTo: Int(CLINUX_SIGNAL_RECORD)), !bytes.isEmpty {
            if SignalRecord(bytes)?.endsDaemon(getpid()) == true { isEnding = true }
        }
        children.reapAll()
        guard let active else { return }
        for (stream, relay) in relays {
            relay.checkShell(children, active)
            if relay.isFinished { relays[stream] = nil }
        }
    }

    private func takeToolEvents() {
        for event in dispatcher.takeEvents() {
            switch event {
            case .progress(let id, let bytes):
                guard let active, active.wantsProgress, !active.isBusy else { continue }
                for stream in active.waiters[id] ?? [] { active.send(.output(bytes), on: stream) }
            case .settled(let id, let result):
                journal.settle(id, result)
                guard let streams = active?.waiters.removeValue(forKey: id) else { continue }
                active?.deliveries += streams.map { ($0, id) }
            }
        }
    }

    /// Whether the worker takes another stream now.
    private var hasRoom: Bool {
        guard let active, !active.isBusy else { return false }
        return relays.count + (names?.pendingCount ?? 0) < ProtocolLimits.maxStreams
    }

    private func takeStream() -> UInt32 {
        defer { nextStream &+= 2 }
        return nextStream
    }

    private func acceptProxied() {
        guard let proxy, let active else { return }
        let raw = clinux_accept(proxy.raw)
        guard raw >= 0 else { return }
        let stream = takeStream()
        relays[stream] = Relay(accepted: Descriptor(raw), stream: stream)
        active.send(.open, on: stream)
    }

    private var way: NameService.Way {
        NameService.Way(
            ask: { [self] question in
                guard hasRoom, let active else { return nil }
                let stream = takeStream()
                active.send(.open, on: stream)
                active.send(.data(question), on: stream)
                active.send(.end, on: stream)
                return stream
            },
            connect: { [self] socket, name, port in
                guard hasRoom, let active else { return }
                let stream = takeStream()
                relays[stream] = Relay(accepted: socket, to: name, port: port, stream: stream, active)
            })
    }

    /// Encodes replies while there is room for them.
    private func refill(_ connection: Connection) {
        while connection.backlog < Connection.replyMark {
            if !connection.deliveries.isEmpty {
                let (stream, id) = connection.deliveries.removeFirst()
                if case .settled(let result)? = journal[id] { connection.send(.result(result), on: stream) }
            } else if let (stream, ids) = connection.replays.first {
                guard let id = ids.first else {
                    connection.replays.removeFirst()
                    connection.send(.journalEnd, on: stream)
                    continue
                }
                connection.replays[0].ids = ids.dropFirst()
                let result: CallResult? = if case .settled(let result)? = journal[id] { result } else { nil }
                connection.send(.journalEntry(id: id, result: result), on: stream)
            } else {
                return
            }
        }
    }

    private func forgetEnded() {
        for connection in connections where connection.isDone { close(connection) }
    }

    private func close(_ connection: Connection) {
        connections.removeAll { $0 === connection }
        for file in connection.puts.values { file.discard() }
        connection.puts = [:]
        guard active === connection else { return }
        active = nil
        for relay in relays.values { relay.drop() }
        relays = [:]
        names?.endAll()
    }

    /// Makes a greeted connection the only one that counts.
    func activate(_ connection: Connection) {
        if let active, active !== connection {
            active.fail(Fault(.replaced, "a newer connection took over"))
            active.flush()
            close(active)
        }
        nextStream = 2
        active = connection
    }

    func end() {
        isEnding = true
    }

    func canPut(_ connection: Connection) -> Bool {
        connection.puts.count < Self.maxPuts
    }
}
