internal import AsyncHTTPClient
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import Store
internal import Wire

/// Answers requests whose host is a preview's, before anything else looks at them: they are for a program in a sandbox.
struct PreviewProxy: RouterMiddleware {
    let api: API
    let sockets: PreviewSockets
    let http: HTTPClient

    /// A program may take its time to begin its answer.
    private static let patience = TimeAmount.seconds(120)
    /// What belongs to one connection and not to the next (RFC 9110 §7.6.1).
    private static let ofOneConnection: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host",
    ]

    @concurrent func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let authority = request.head.authority,
            let token = api.previewAddress(request).token(in: authority)
        else { return try await next(request, context) }
        do {
            guard token.utf8.count == PreviewAddress.tokenLength,
                let preview = try await api.store.portPreview(tokenHash: KeySecret(token).hash)
            else { return Self.sentence(.notFound, "There is no such preview, or it has expired.") }
            let path = try await sockets.path(to: .init(session: preview.sessionID, port: preview.port))
            return try await forward(request, to: path, port: preview.port)
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout {
            return Self.sentence(.gatewayTimeout, "The program in the sandbox did not answer in time.")
        } catch is WireError {
            return Self.sentence(.serviceUnavailable, "The sandbox cannot be reached now.")
        } catch {
            return Self.sentence(.badGateway, "Nothing in the sandbox answers on this port.")
        }
    }

    private func forward(_ request: Request, to path: String, port: Int) async throws -> Response {
        let encoded = path.replacing("/", with: "%2F")
        var outgoing = HTTPClientRequest(url: "http+unix://\(encoded)\(request.uri.string)")
        outgoing.method = HTTPMethod(rawValue: request.method.rawValue)
        for field in request.headers where !Self.ofOneConnection.contains(field.name.canonicalName) {
            outgoing.headers.add(name: field.name.rawName, value: field.value)
        }
        outgoing.headers.replaceOrAdd(name: "host", value: "localhost:\(port)")
        outgoing.headers.replaceOrAdd(name: "x-forwarded-host", value: request.head.authority ?? "")
        let length = request.headers[.contentLength].flatMap { Int64($0) }
        if let length, length > 0 {
            outgoing.body = .stream(request.body, length: .known(length))
        } else if length == nil, request.headers[.transferEncoding] != nil {
            outgoing.body = .stream(request.body, length: .unknown)
        }
        let answer = try await http.execute(outgoing, deadline: .now() + Self.patience)
        var fields = HTTPFields()
        for (name, value) in answer.headers where !Self.ofOneConnection.contains(name.lowercased()) {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        // The address is the secret: it must not travel to other sites.
        if let policy = HTTPField.Name("referrer-policy"), fields[policy] == nil { fields[policy] = "same-origin" }
        return Response(
            status: .init(code: Int(answer.status.code)), headers: fields,
            body: ResponseBody { writer in
                let sink = StreamSink(writer)
                for try await buffer in answer.body { try await sink.write(Array(buffer.readableBytesView)) }
                try await sink.finish()
            })
    }

    private static func sentence(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}
