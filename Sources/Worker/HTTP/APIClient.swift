internal import AsyncAlgorithms
internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import Wire

/// Sends requests to one server and turns its answers into JSON, bytes or a ``WorkerError``.
struct APIClient: Sendable {
    /// Without a trailing slash.
    let baseURL: String
    let http: HTTPClient

    static let version = "2026-10-21"
    static let beta = "managed-agents-2026-04-01"
    static let userAgent = "perimeter-worker/1"

    /// - Throws: ``WorkerError``; `.cancelled` when the task was cancelled.
    func json(_ call: APICall, timeout: Duration, limit: Int = 1 << 20) async throws(WorkerError) -> JSON {
        let body = try await bytes(call, timeout: timeout, limit: limit)
        do { return try JSON(parsing: body) } catch {
            throw WorkerError(
                .malformed, "the answer to \(call.method.rawValue) \(call.path) is not JSON", cause: error)
        }
    }

    func bytes(_ call: APICall, timeout: Duration, limit: Int) async throws(WorkerError) -> [UInt8] {
        let response = try await send(call, deadline: .now() + TimeAmount(timeout))
        do {
            let buffer = try await response.body.collect(upTo: limit)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw WorkerError(.tooLarge, "the answer to \(call.method.rawValue) \(call.path) is over \(limit) bytes")
        } catch {
            throw Self.transport(error)
        }
    }

    /// Opens a response whose body has no end in time; cancelling the task that reads it closes the connection.
    /// - Parameter timeout: how long the head of the response may take.
    func stream(_ call: APICall) async throws(WorkerError) -> HTTPClientResponse.Body {
        try await send(call, deadline: .distantFuture).body
    }

    private func send(_ call: APICall, deadline: NIODeadline) async throws(WorkerError) -> HTTPClientResponse {
        var request = HTTPClientRequest(url: baseURL + call.target)
        request.method = call.method == .get ? .GET : .POST
        request.headers.add(name: "authorization", value: "Bearer \(call.credential.reveal())")
        request.headers.add(name: "anthropic-version", value: Self.version)
        if call.isBeta { request.headers.add(name: "anthropic-beta", value: Self.beta) }
        request.headers.add(name: "accept", value: call.accept)
        request.headers.add(name: "user-agent", value: Self.userAgent)
        for header in call.headers { request.headers.add(name: header.name, value: header.value) }
        if let upload = call.upload {
            request.headers.add(name: "content-type", value: "application/octet-stream")
            request.body = .stream(upload, length: .unknown)
        } else if call.method == .post {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: call.body?.bytes ?? []))
        }
        let response: HTTPClientResponse
        do { response = try await http.execute(request, deadline: deadline) } catch { throw Self.transport(error) }
        guard !(200..<300).contains(Int(response.status.code)) else { return response }
        // The body of an error may break off too; its status alone is enough to go on.
        let buffer = try? await response.body.collect(upTo: 1 << 16)
        let answer = try? JSON(parsing: buffer.map { Array($0.readableBytesView) } ?? [])
        throw Self.refusal(
            status: Int(response.status.code), shouldRetry: response.headers.first(name: "x-should-retry"),
            answer: answer, call: call)
    }

    private static func transport(_ error: any Error) -> WorkerError {
        if error is CancellationError || Task.isCancelled || (error as? HTTPClientError) == .cancelled {
            return WorkerError(.cancelled, "the request was cancelled")
        }
        return WorkerError(.transport, "the server cannot be reached: \(error)", cause: error)
    }

    static func refusal(status: Int, shouldRetry: String?, answer: JSON?, call: APICall) -> WorkerError {
        let code: WorkerError.Code =
            switch status {
            case 401, 403: .unauthorized
            case 404: .notFound
            case 409: .conflict
            case 412: .preconditionFailed
            case 413: .tooLarge
            case 408, 429, 500...: .busy
            default: .refused
            }
        let told = answer?["error"]?["message"]?.stringValue ?? "no message"
        let isRetryable: Bool =
            switch shouldRetry {
            case "true": true
            case "false": false
            default: code == .busy || code == .conflict
            }
        return WorkerError(
            code, "\(call.method.rawValue) \(call.path) answered \(status): \(told.prefix(500))",
            isRetryable: isRetryable)
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let parts = duration.components
        self = .nanoseconds(parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000)
    }
}
