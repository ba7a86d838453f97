import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Plays the queue and session endpoints as the hosted service does, on a loopback port, and records every request.
final class ScriptedServer: Sendable {
    enum Beat: Sendable { case extend(seconds: Int), stopping, lost, unavailable }

    enum SecretsAnswer: Sendable { case body(String), status(Int) }

    struct State {
        var requests: [RecordedRequest] = []
        var items: [String] = []
        var events: [String: [String]] = [:]
        var streams: [String: [Int32]] = [:]
        var connections: Set<Int32> = []
        /// Answers to the next beats; the last one goes on.
        var beats: [Beat] = [.extend(seconds: 10)]
        var beatCount = 0
        var lastBeat = "NO_HEARTBEAT"
        /// What the next posts of events answer instead of accepting them.
        var postRefusals: [Int] = []
        var sessions: [String: String] = [:]
        /// Answers to questions for secrets; a status or a body. None left is "nothing changed", after a moment.
        var secrets: [SecretsAnswer] = []
        /// As `secrets`, to questions for the environment.
        var environments: [SecretsAnswer] = []
        var contents: [String: [UInt8]] = [:]
        var isClosed = false
    }

    let port: Int
    private let listener: Int32
    private let state = Mutex(State())

    struct Failure: Error {}

    init() throws {
        listener = Self.makeSocket()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(listener, raw, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, raw, &length) == 0
            }
        }
        guard isBound else { throw Failure() }
        port = Int(UInt16(bigEndian: address.sin_port))
        DispatchQueue(label: "scripted.accept").async { self.acceptAll() }
    }

    private static func makeSocket() -> Int32 {
        #if canImport(Glibc)
            socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            socket(AF_INET, SOCK_STREAM, 0)
        #endif
    }

    var url: String { "http://127.0.0.1:\(port)" }

    func script(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var requests: [RecordedRequest] { state.withLock { $0.requests } }

    /// Appends an event to a session's log and sends it to its open streams.
    func emit(_ event: String, session: String = "sesn_1") {
        state.withLock { state in Self.emit(event, session: session, &state) }
    }

    private static func emit(_ event: String, session: String, _ state: inout State) {
        state.events[session, default: []].append(event)
        for socket in state.streams[session] ?? [] {
            HTTPConnection.sendChunk("event: message\ndata: \(event)\n\n", to: socket)
        }
    }

    /// Cuts all open event streams.
    func cutStreams() {
        state.withLock { state in
            for socket in state.streams.values.flatMap({ $0 }) { shutdown(socket, Int32(SHUT_RDWR)) }
            state.streams = [:]
        }
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            for socket in state.connections { shutdown(socket, Int32(SHUT_RDWR)) }
        }
        shutdown(listener, Int32(SHUT_RDWR))
        _ = Self.closeSocket(listener)
    }

    private static func closeSocket(_ socket: Int32) -> Int32 {
        #if canImport(Glibc)
            Glibc.close(socket)
        #else
            Darwin.close(socket)
        #endif
    }

    private func acceptAll() {
        while true {
            let socket = accept(listener, nil, nil)
            guard socket >= 0 else { return }
            var flag: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &flag, socklen_t(MemoryLayout<Int32>.size))
            let isOpen = state.withLock { state in
                state.connections.insert(socket)
                return !state.isClosed
            }
            guard isOpen else { return }
            DispatchQueue(label: "scripted.connection").async {
                var connection = HTTPConnection(socket: socket)
                while let request = connection.next() { self.answer(request, connection) }
                self.state.withLock { state in
                    state.connections.remove(socket)
                    for session in state.streams.keys { state.streams[session]?.removeAll { $0 == socket } }
                }
                _ = Self.closeSocket(socket)
            }
        }
    }

    private func answer(_ request: RecordedRequest, _ connection: HTTPConnection) {
        let parts = request.path.split(separator: "/").map(String.init)
        let last = parts.last ?? ""
        if last != "poll" { state.withLock { $0.requests.append(request) } }
        switch (parts.count, last) {
        case (5, "poll"): poll(request, connection)
        case (6, "ack"): connection.answer(#"{"type":"work","id":"\#(parts[4])","state":"starting"}"#)
        case (6, "stop"): connection.answer(#"{"type":"work","id":"\#(parts[4])","state":"stopped"}"#)
        case (6, "heartbeat"): heartbeat(connection)
        case (5, "stream"):
            state.withLock { state in
                connection.beginStream()
                HTTPConnection.sendChunk(": hello\n\n", to: connection.socket)
                state.streams[parts[2], default: []].append(connection.socket)
            }
        case (5, "secrets"): feed(\.secrets, connection)
        case (5, "environment"): feed(\.environments, connection)
        case (4, "events") where request.method == "GET":
            let events = state.withLock { $0.events[parts[2]] ?? [] }
            connection.answer(#"{"data":[\#(events.joined(separator: ","))],"next_page":null}"#)
        case (4, "events"): post(request, session: parts[2], connection)
        case (3, _) where parts[1] == "sessions":
            let session = state.withLock { $0.sessions[parts[2]] }
            connection.answer(session ?? #"{"type":"session","id":"\#(parts[2])","status":"running","new_member":1}"#)
        default:
            if let content = state.withLock({ $0.contents[request.path] }) {
                connection.answer(bytes: content)
            } else {
                connection.answer(status: 404, #"{"type":"error","error":{"type":"not_found_error","message":"no"}}"#)
            }
        }
    }

    /// Holds the question for a moment, as the service does, and answers `null` then.
    private func poll(_ request: RecordedRequest, _ connection: HTTPConnection) {
        for _ in 0..<30 {
            let item = state.withLock { state -> String? in
                guard !state.items.isEmpty else { return nil }
                state.requests.append(request)
                state.lastBeat = "NO_HEARTBEAT"
                return state.items.removeFirst()
            }
            if let item { return connection.answer(item) }
            usleep(2000)
        }
        connection.answer("null")
    }

    private func feed(_ answers: any WritableKeyPath<State, [SecretsAnswer]> & Sendable, _ connection: HTTPConnection) {
        for _ in 0..<30 {
            switch state.withLock({ $0[keyPath: answers].isEmpty ? nil : $0[keyPath: answers].removeFirst() }) {
            case .body(let body): return connection.answer(body)
            case .status(let status):
                return connection.answer(
                    status: status, #"{"type":"error","error":{"type":"api_error","message":"no"}}"#)
            case nil: usleep(2000)
            }
        }
        connection.answer("null")
    }

    private func heartbeat(_ connection: HTTPConnection) {
        let (beat, count) = state.withLock { state in
            state.beatCount += 1
            return (state.beats.count > 1 ? state.beats.removeFirst() : state.beats[0], state.beatCount)
        }
        let last = "2026-10-31T12:00:00.00000\(count)+00:00"
        switch beat {
        case .extend(let seconds):
            connection.answer(
                #"{"type":"work_heartbeat","last_heartbeat":"\#(last)","lease_extended":true,"state":"active","#
                    + #""ttl_seconds":\#(seconds),"new_member":{}}"#)
        case .stopping:
            connection.answer(
                #"{"type":"work_heartbeat","last_heartbeat":"\#(last)","lease_extended":false,"state":"stopping","#
                    + #""ttl_seconds":10}"#)
        case .lost:
            connection.answer(
                status: 412,
                #"{"type":"error","error":{"type":"invalid_request_error","message":"lost","details":"#
                    + #"{"error_code":"heartbeat_precondition_failed"}}}"#)
        case .unavailable:
            connection.answer(status: 503, #"{"type":"error","error":{"type":"api_error","message":"later"}}"#)
        }
    }

    /// Accepts events and echoes them on the streams before it answers.
    private func post(_ request: RecordedRequest, session: String, _ connection: HTTPConnection) {
        let refusal = state.withLock { state -> Int? in
            if !state.postRefusals.isEmpty { return state.postRefusals.removeFirst() }
            let body = request.body.dropFirst(#"{"events":[{"#.utf8.count).dropLast(3)
            let event = #"{"id":"sevt_echo\#(state.requests.count)","processed_at":"2026-10-31T12:00:01Z",\#(body)}"#
            Self.emit(event, session: session, &state)
            return nil
        }
        if let refusal {
            connection.answer(status: refusal, #"{"type":"error","error":{"type":"api_error","message":"no"}}"#)
        } else {
            connection.answer(#"{"data":[{}]}"#)
        }
    }
}
