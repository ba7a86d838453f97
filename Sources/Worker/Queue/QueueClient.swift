internal import Sandbox
internal import Wire

/// The work queue of one environment, as a worker uses it (self-hosted-sandboxes §2).
struct QueueClient: Sendable {
    let api: APIClient
    /// What is polled.
    let environment: String
    let key: Credential
    let workerID: String
    let blockMilliseconds: Int

    enum PollAnswer: Sendable {
        case nothing
        case item(WorkItem)
    }

    /// Asks for one item; the server holds the question for a moment when it has none.
    func poll() async throws(WorkerError) -> PollAnswer {
        let call = APICall(
            method: .get, path: "/v1/environments/\(environment)/work/poll",
            query: [(name: "block_ms", value: String(blockMilliseconds))], credential: key,
            headers: [(name: "anthropic-worker-id", value: workerID)])
        let json = try await api.json(call, timeout: .seconds(30))
        if json.isNull { return .nothing }
        guard let item = WorkItem(json) else {
            throw WorkerError(.malformed, "the polled item lacks id, environment_id or data", isRetryable: true)
        }
        return .item(item)
    }

    /// Takes the item out of the queue.
    /// - Parameter boundary: shown on the session by our own server; other servers ignore it.
    func acknowledge(_ item: WorkItem, boundary: String) async throws(WorkerError) {
        var call = APICall(method: .post, path: Self.path(item, "ack"), credential: key)
        if !boundary.isEmpty { call.headers.append((name: "x-perimeter-sandbox", value: boundary)) }
        _ = try await api.bytes(call, timeout: .seconds(10), limit: 1 << 20)
    }

    /// - Parameter expected: `NO_HEARTBEAT` or the previous answer's `last_heartbeat`, unchanged.
    func heartbeat(
        _ item: WorkItem, expected: String, desiredSeconds: Int, timeout: Duration
    ) async throws(WorkerError) -> HeartbeatAnswer {
        let call = APICall(
            method: .post, path: Self.path(item, "heartbeat"),
            query: [
                (name: "expected_last_heartbeat", value: expected),
                (name: "desired_ttl_seconds", value: String(desiredSeconds)),
            ],
            credential: credential(for: item))
        guard let answer = HeartbeatAnswer(try await api.json(call, timeout: timeout)) else {
            throw WorkerError(.malformed, "the heartbeat's answer lacks its members", isRetryable: true)
        }
        return answer
    }

    /// Confirms that the item is over. 409 means that it was stopped already, which is as good.
    func forceStop(_ item: WorkItem) async throws(WorkerError) {
        var call = APICall(
            method: .post, path: Self.path(item, "stop"), credential: credential(for: item), body: ["force": true])
        do throws(WorkerError) {
            _ = try await api.bytes(call, timeout: .seconds(10), limit: 1 << 20)
        } catch  where error.code == .conflict {
            return
        } catch  where error.code == .unauthorized && call.credential != key {
            call.credential = key
            _ = try await api.bytes(call, timeout: .seconds(10), limit: 1 << 20)
        }
    }

    /// Which of these sessions are over. Our own server only.
    func ends(of sessions: [SandboxID]) async throws(WorkerError) -> SessionEnds {
        let call = APICall(
            method: .post, path: "/v1/environments/\(environment)/work/ended", credential: key,
            body: ["session_ids": .array(sessions.map { .string($0.rawValue) })])
        return SessionEnds(try await api.json(call, timeout: .seconds(30), limit: 4 << 20))
    }

    private func credential(for item: WorkItem) -> Credential { item.secret?.sessionsToken ?? key }

    private static func path(_ item: WorkItem, _ operation: String) -> String {
        "/v1/environments/\(item.environment)/work/\(item.id)/\(operation)"
    }
}
