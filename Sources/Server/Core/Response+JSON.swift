internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Wire

extension Response {
    /// A JSON answer; never empty, since the SDK cannot read an empty body (sdk-conformance §2.9).
    static func json(_ json: JSON, status: HTTPResponse.Status = .ok) -> Response {
        Response.json(bytes: json.bytes, status: status)
    }

    static func json(bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// A page of a list with a forward cursor.
    static func page(_ data: [JSON], next: JSON?) -> Response {
        .json(["data": .array(data), "next_page": next ?? .null])
    }

    /// The wire form of an error (reference api-core §0.8).
    static func error(_ error: WireError, requestID: Wire.RequestID) -> Response {
        var response = Response.json(error.body(requestID: requestID), status: .init(code: error.status))
        if let retry = error.shouldRetry { response.headers[.shouldRetry] = retry ? "true" : "false" }
        if let seconds = error.retryAfter { response.headers[.retryAfter] = String(max(1, seconds)) }
        return response
    }
}

extension HTTPField.Name {
    static let requestID = name("request-id")
    static let workspaceID = name("anthropic-workspace-id")
    static let version = name("anthropic-version")
    static let beta = name("anthropic-beta")
    static let apiKey = name("x-api-key")
    static let workerID = name("anthropic-worker-id")
    static let shouldRetry = name("x-should-retry")
    static let sandbox = name("x-perimeter-sandbox")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("not a header name: \(text)") }
        return name
    }
}
