internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// Names for programs that know nothing of the proxy: answers their look-ups with an address of its own for every
/// name that the worker's gate allows, and takes the connections to these addresses, from which it knows the name again.
final class NameService {
    enum Source { case datagrams, listener, doors, client(Int) }
    /// What the daemon does for it.
    struct Way {
        /// Opens a stream to the gate that sends these bytes and no more; nil when there is none to be had.
        var ask: ([UInt8]) -> UInt32?
        /// Takes a program's connection to a name.
        var connect: (Descriptor, _ name: String, _ port: UInt16) -> Void
    }
    private enum Asker { case datagram(UInt32, UInt16), client(Int) }
    private struct Waiter {
        var question: NameQuestion
        var asker: Asker
    }
    private struct Pending {
        var name: String
        var answer: [UInt8] = []
        var waiters: [Waiter]
    }

    private static let loopback: UInt32 = 127 << 24 | 1
    private static let maximumNames = 96
    private static let maximumPending = 32
    private static let maximumWaiters = 16
    private static let maximumKnown = 256
    private static let messagesAtOnce = 64
    /// Both questions of a look-up, for either kind of address, ask the gate once; and new rules count soon.
    private static let memory: (allowed: Int, refused: Int) = (5000, 1000)

    private let datagrams: Descriptor
    private let listener: Descriptor
    private let doorSet: Descriptor
    private var doors: [UInt64: Descriptor] = [:]
    private var table = NameTable(limit: NameService.maximumNames)
    private var pending: [UInt32: Pending] = [:]
    private var known: [String: (verdict: GateQuestion.Verdict, until: Int)] = [:]
    private var clients = NameClients()

    /// Nil where the port is not to be had: then names are only known to the proxy.
    /// - Parameter port: on 127.0.0.1, for datagrams and for connections.
    init?(port: UInt16) {
        let raw = [clinux_datagrams_loopback(port), clinux_listen_loopback(port), clinux_watch_set()]
        let owned = raw.map { $0 >= 0 ? Descriptor($0) : nil }
        guard let datagrams = owned[0], let listener = owned[1], let doorSet = owned[2] else { return nil }
        (self.datagrams, self.listener, self.doorSet) = (datagrams, listener, doorSet)
    }

    var pendingCount: Int { pending.count }

    /// What `poll` is to watch for.
    /// - Parameter canConnect: whether the worker takes connections now.
    func watched(canConnect: Bool) -> [(source: Source, entry: pollfd)] {
        var watched: [(source: Source, entry: pollfd)] = [
            (.datagrams, pollfd(fd: datagrams.raw, events: Int16(POLLIN), revents: 0)),
            (.listener, pollfd(fd: listener.raw, events: Int16(POLLIN), revents: 0)),
        ]
        if canConnect { watched.append((.doors, pollfd(fd: doorSet.raw, events: Int16(POLLIN), revents: 0))) }
        return watched + clients.watched.map { (.client($0.number), $0.entry) }
    }

    func isReady(_ source: Source, _ way: Way) {
        switch source {
        case .datagrams: receiveDatagrams(way)
        case .listener:
            let raw = clinux_accept(listener.raw)
            if raw >= 0 { clients.add(Descriptor(raw)) }
        case .client(let number):
            for message in clients.isReady(number) { take(message, from: .client(number), way) }
        case .doors: accept(way)
        }
    }

    // MARK: - Questions

    private func receiveDatagrams(_ way: Way) {
        var buffer = [UInt8](repeating: 0, count: NameQuestion.maximumMessage + 1)
        for _ in 0..<Self.messagesAtOnce {
            var (address, port): (UInt32, UInt16) = (0, 0)
            let count = clinux_receive_datagram(datagrams.raw, &buffer, UInt64(buffer.count), &address, &port)
            guard count >= 0 else { return }
            take(Array(buffer[..<Int(count)]), from: .datagram(address, port), way)
        }
    }

    private func take(_ message: [UInt8], from asker: Asker, _ way: Way) {
        do throws(NameQuestion.Failure) {
            let waiter = Waiter(question: try NameQuestion(parsing: message), asker: asker)
            if let answer = ownAnswer(to: waiter.question) { return reply(answer, to: waiter) }
            ask(waiter, way)
        } catch {
            guard case .refused(let code, let id) = error else { return }
            send(NameAnswer.message(to: id, code), to: asker)
        }
    }

    /// What the gate has nothing to say about.
    private func ownAnswer(to question: NameQuestion) -> NameAnswer? {
        let name = question.name
        if name == "localhost" || name.hasSuffix(".localhost") {
            return question.kind == .address ? .address(Self.loopback) : .nothing
        }
        if name.hasSuffix(".arpa") { return .failure(.unknown) }
        return question.kind == .other ? .nothing : nil
    }

    private func ask(_ waiter: Waiter, _ way: Way) {
        let name = waiter.question.name
        if let known = known[name], known.until > Clock.milliseconds() { return reply(to: waiter, known.verdict) }
        if let stream = pending.first(where: { $0.value.name == name })?.key {
            guard pending[stream]?.waiters.count ?? 0 < Self.maximumWaiters else {
                return reply(.failure(.failed), to: waiter)
            }
            pending[stream]?.waiters.append(waiter)
            return
        }
        guard pending.count < Self.maximumPending, let stream = way.ask(GateQuestion.bytes(of: name)) else {
            return reply(.failure(.failed), to: waiter)
        }
        pending[stream] = Pending(name: name, waiters: [waiter])
    }

    /// Takes what the gate says on a stream.
    /// - Returns: whether the stream is one of a question.
    func take(_ bytes: [UInt8], on stream: UInt32) -> Bool {
        guard pending[stream] != nil else { return false }
        pending[stream]?.answer += bytes
        if let verdict = pending[stream].flatMap({ GateQuestion.verdict($0.answer) }) { settle(stream, verdict) }
        return true
    }

    /// The gate says no more on this stream.
    func end(_ stream: UInt32) { settle(stream, .failed) }

    /// The worker is gone.
    func endAll() { for stream in pending.keys { settle(stream, .failed) } }

    private func settle(_ stream: UInt32, _ verdict: GateQuestion.Verdict) {
        guard let question = pending.removeValue(forKey: stream) else { return }
        if verdict != .failed {
            if known.count >= Self.maximumKnown { known = [:] }
            let life = if case .allowed = verdict { Self.memory.allowed } else { Self.memory.refused }
            known[question.name] = (verdict, Clock.milliseconds() + life)
        }
        for waiter in question.waiters { reply(to: waiter, verdict) }
    }

    // MARK: - Answers

    private func reply(to waiter: Waiter, _ verdict: GateQuestion.Verdict) {
        switch verdict {
        case .allowed(let ports): reply(.address(open(waiter.question.name, ports)), to: waiter)
        case .denied, .unknown: reply(.failure(.unknown), to: waiter)
        case .failed: reply(.failure(.failed), to: waiter)
        }
    }

    private func reply(_ answer: NameAnswer, to waiter: Waiter) {
        send(answer.message(to: waiter.question), to: waiter.asker)
    }

    /// An answer that cannot be sent is asked for again.
    private func send(_ message: [UInt8], to asker: Asker) {
        switch asker {
        case .datagram(let address, let port):
            _ = clinux_send_datagram(datagrams.raw, message, UInt64(message.count), address, port)
        case .client(let number): clients.send(message, to: number)
        }
    }

    // MARK: - Connections

    /// The address of a name, with a door at each port that is not taken by a program's own.
    private func open(_ name: String, _ ports: [UInt16]) -> UInt32 {
        let (address, evicted) = table.put(name, ports: ports)
        if let evicted { doors = doors.filter { $0.key >> 16 != UInt64(evicted) } }
        let wanted = Set(ports.map { UInt64(address) << 16 | UInt64($0) })
        doors = doors.filter { $0.key >> 16 != UInt64(address) || wanted.contains($0.key) }
        for key in wanted where doors[key] == nil {
            let raw = clinux_listen_at(address, UInt16(truncatingIfNeeded: key))
            guard raw >= 0 else { continue }
            let door = Descriptor(raw)
            if clinux_watch(doorSet.raw, raw, key) == 0 { doors[key] = door }
        }
        return address
    }

    private func accept(_ way: Way) {
        var keys = [UInt64](repeating: 0, count: 16)
        let count = clinux_take_watched(doorSet.raw, &keys, 16)
        for key in keys.prefix(Int(max(0, count))) {
            let address = UInt32(truncatingIfNeeded: key >> 16)
            guard let door = doors[key], let entry = table[address: address] else { continue }
            let raw = clinux_accept(door.raw)
            guard raw >= 0 else { continue }
            table.use(address)
            way.connect(Descriptor(raw), entry.name, UInt16(truncatingIfNeeded: key))
        }
    }
}
