internal import AsyncAlgorithms
internal import AsyncHTTPClient
internal import NIOCore
internal import Wire

/// One session, as its worker uses it.
struct SessionClient: Sendable {
    let api: APIClient
    let session: RemoteID
    let credential: Credential

    static let historyPageLimit = 256 << 20
    static let maximumPages = 10_000

    private var path: String { "/v1/sessions/\(session)" }

    func fetch() async throws(WorkerError) -> JSON {
        try await api.json(
            APICall(method: .get, path: path, credential: credential), timeout: .seconds(30), limit: 16 << 20)
    }

    func openStream() async throws(WorkerError) -> HTTPClientResponse.Body {
        try await api.stream(APICall(method: .get, path: path + "/events/stream", credential: credential))
    }

    /// The whole history, or an error: a part of it could make an answered call look unanswered.
    func history() async throws(WorkerError) -> [SessionEvent] {
        var events: [SessionEvent] = []
        var answered: Set<String> = []
        var page: String?
        for _ in 0..<Self.maximumPages {
            var call = APICall(
                method: .get, path: path + "/events", query: [(name: "limit", value: "1000")], credential: credential)
            if let page { call.query.append((name: "page", value: page)) }
            let json = try await api.json(call, timeout: .seconds(60), limit: Self.historyPageLimit)
            guard let data = json["data"]?.arrayValue else {
                throw WorkerError(.malformed, "the event list has no data", isRetryable: true)
            }
            for item in data {
                let event = SessionEvent(item)
                if case .toolResult(let call) = event { answered.insert(call) }
                events.append(event)
            }
            // Inputs of answered calls are of no use and may be large.
            events.removeAll { event in
                guard case .toolUse(let use) = event else { return false }
                return answered.contains(use.id)
            }
            let next = json["next_page"]?.stringValue
            guard let next, next != page else { return events }
            page = next
        }
        throw WorkerError(.tooLarge, "the event list has over \(Self.maximumPages) pages")
    }

    /// Shown by `GET /v1/sessions/{id}/sandbox` of our own server; others do not have the path.
    func report(_ start: JSON) async throws(WorkerError) {
        let call = APICall(method: .post, path: path + "/sandbox", credential: credential, body: start)
        _ = try await api.bytes(call, timeout: .seconds(10), limit: 1 << 20)
    }

    /// The secrets behind the session's placeholders; nil when they stayed as `revision` has them. Our own server only.
    func secrets(after revision: String?, within limit: Duration) async throws(WorkerError) -> SecretAnswer? {
        var call = APICall(method: .get, path: path + "/sandbox/secrets", credential: credential)
        if let revision {
            call.query = [
                (name: "revision", value: revision), (name: "wait_ms", value: "\(limit.components.seconds * 1000)"),
            ]
        }
        let json = try await api.json(call, timeout: limit + .seconds(10), limit: 4 << 20)
        if json.isNull, revision != nil { return nil }
        guard let answer = SecretAnswer(json) else {
            throw WorkerError(.malformed, "the session's secrets cannot be read", isRetryable: true)
        }
        return answer
    }

    /// The session's environment; nil when it stayed as `revision` has it. Our own server only.
    func environment(
        after revision: String?, within limit: Duration
    ) async throws(WorkerError) -> EnvironmentAnswer? {
        var call = APICall(method: .get, path: path + "/sandbox/environment", credential: credential)
        if let revision {
            call.query = [
                (name: "revision", value: revision), (name: "wait_ms", value: "\(limit.components.seconds * 1000)"),
            ]
        }
        let json = try await api.json(call, timeout: limit + .seconds(10), limit: 4 << 20)
        if json.isNull, revision != nil { return nil }
        guard let answer = EnvironmentAnswer(json) else {
            throw WorkerError(.malformed, "the session's environment cannot be read", isRetryable: true)
        }
        return answer
    }

    /// The next stream that a person wants into the sandbox; nil when none came in time. Our own server only.
    func nextStream(within limit: Duration) async throws(WorkerError) -> JSON? {
        let call = APICall(
            method: .get, path: path + "/sandbox/streams/next",
            query: [(name: "wait_ms", value: "\(limit.components.seconds * 1000)")], credential: credential)
        let json = try await api.json(call, timeout: limit + .seconds(10))
        return json.isNull ? nil : json
    }

    /// Opens the worker's end of a stream: what is sent is its request's body, what comes back the other direction.
    func joinStream(
        _ id: RemoteID, sending output: AsyncChannel<ByteBuffer>
    ) async throws(WorkerError) -> HTTPClientResponse.Body {
        var call = APICall(method: .post, path: path + "/sandbox/streams/\(id)", credential: credential)
        call.upload = output
        return try await api.stream(call)
    }

    func post(_ event: JSON) async throws(WorkerError) {
        let call = APICall(
            method: .post, path: path + "/events", credential: credential, body: ["events": .array([event])])
        _ = try await api.bytes(call, timeout: .seconds(60), limit: 64 << 20)
    }
}
