internal import AsyncAlgorithms
internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import Wire

/// Talks to a server on behalf of one command, over the same HTTP API that everybody uses.
struct AdminClient: Sendable {
    /// Scheme, host and port, without a slash at the end.
    let address: String
    /// Nil sends no credential, so that the server says what is missing.
    let key: String?
    /// How the key was found, for the remedy of a refusal.
    let keyOrigin: String
    let http: HTTPClient

    /// Answers larger than this are refused instead of being collected.
    private static let answerLimit = 64 << 20

    /// Sends one request and returns the answer.
    ///
    /// - Parameter path: with its leading slash; identifiers in it are encoded by the caller, see ``PathSegment``.
    /// - Throws: ``CommandError`` with the server's message and request id.
    func call(
        _ method: HTTPMethod, _ path: String, query: [(name: String, value: String)] = [], body: JSON? = nil,
        timeout: Duration = .seconds(60)
    ) async throws(CommandError) -> JSON {
        let response = try await send(
            method, path, query: query, body: body, deadline: .now() + TimeAmount(timeout))
        let bytes: [UInt8]
        do { bytes = Array(try await response.body.collect(upTo: Self.answerLimit).readableBytesView) } catch {
            throw CommandError(.unreachable, "the answer of \(address) broke off: \(error)")
        }
        do { return bytes.isEmpty ? .null : try JSON(parsing: bytes) } catch {
            throw CommandError(
                .failure, "\(address) answered something other than JSON",
                remedy: "check that --server names a Perimeter server")
        }
    }

    /// Follows the pages of a list.
    ///
    /// - Parameters:
    ///   - limit: the most items in all; nil takes every one.
    ///   - pageSize: items asked for with one request.
    func list(
        _ path: String, query: [(name: String, value: String)] = [], limit: Int? = nil, pageSize: Int = 100
    ) async throws(CommandError) -> [JSON] {
        var items: [JSON] = []
        var page: String?
        repeat {
            let wanted = min(pageSize, limit.map { $0 - items.count } ?? pageSize)
            guard wanted > 0 else { break }
            var query = query + [(name: "limit", value: String(wanted))]
            if let page { query.append((name: "page", value: page)) }
            let answer = try await call(.GET, path, query: query)
            items += answer["data"]?.arrayValue ?? []
            page = answer["next_page"]?.stringValue
        } while page != nil
        return limit.map { Array(items.prefix($0)) } ?? items
    }

    /// Opens an event stream; returns once the server accepted it, so that no later event is missed.
    func openStream(
        _ path: String, query: [(name: String, value: String)] = []
    ) async throws(CommandError) -> EventStream {
        let response = try await send(.GET, path, query: query, body: nil, deadline: .distantFuture)
        return EventStream(body: response.body)
    }

    /// Sends a request whose body and answer are open at the same time.
    func duplex(
        _ path: String, query: [(name: String, value: String)], upload: AsyncChannel<ByteBuffer>
    ) async throws(CommandError) -> HTTPClientResponse.Body {
        try await send(
            .POST, path, query: query, body: nil, upload: upload, deadline: .distantFuture
        ).body
    }

    private func send(
        _ method: HTTPMethod, _ path: String, query: [(name: String, value: String)], body: JSON?,
        upload: AsyncChannel<ByteBuffer>? = nil, deadline: NIODeadline
    ) async throws(CommandError) -> HTTPClientResponse {
        var target = address + path
        if !query.isEmpty {
            target +=
                "?"
                + query.map { "\(PathSegment.encode($0.name))=\(PathSegment.encode($0.value))" }
                .joined(separator: "&")
        }
        var request = HTTPClientRequest(url: target)
        request.method = method
        request.headers.add(name: "anthropic-version", value: "2026-10-21")
        request.headers.add(name: "anthropic-beta", value: "managed-agents-2026-04-01")
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "user-agent", value: "perimeter-cli")
        if let key { request.headers.add(name: "authorization", value: "Bearer \(key)") }
        if let upload {
            request.headers.add(name: "content-type", value: "application/octet-stream")
            request.body = .stream(upload, length: .unknown)
        } else if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.bytes))
        }
        let response: HTTPClientResponse
        do { response = try await http.execute(request, deadline: deadline) } catch {
            throw CommandError(
                .unreachable, "no server answers at \(address) (\(error))",
                remedy: "start one with `perimeter up`, or name it with --server or PERIMETER_SERVER_URL")
        }
        guard !(200..<300).contains(Int(response.status.code)) else { return response }
        throw await refusal(response)
    }

    private func refusal(_ response: HTTPClientResponse) async -> CommandError {
        // The status alone says enough when the body of a refusal breaks off.
        let body = try? await response.body.collect(upTo: 1 << 20)
        let answer = body.flatMap { try? JSON(parsing: Array($0.readableBytesView)) }
        let status = Int(response.status.code)
        let error = answer?["error"]
        let message = error?["message"]?.stringValue ?? "\(address) answered with status \(status)"
        let requestID = response.headers.first(name: "request-id") ?? answer?["request_id"]?.stringValue
        switch status {
        case 401, 403:
            return CommandError(
                .unauthenticated, message, requestID: requestID,
                remedy: "the key came from \(keyOrigin); pass another one with --key or ANTHROPIC_API_KEY")
        case 404:
            return CommandError(
                .notFound, message, requestID: requestID, remedy: "check the id; the `list` command shows what exists")
        case 409:
            return CommandError(
                .failure, message, requestID: requestID, remedy: "look at the object with `get`, then try again")
        case 429, 503, 529:
            let seconds = response.headers.first(name: "retry-after") ?? "a few"
            return CommandError(.failure, message, requestID: requestID, remedy: "try again in \(seconds) seconds")
        case 500...:
            return CommandError(
                .failure, message, requestID: requestID, remedy: "the server's log has this request id")
        default:
            return CommandError(.failure, message, requestID: requestID)
        }
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let parts = duration.components
        self = .nanoseconds(parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000)
    }
}
