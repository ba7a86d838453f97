public import AsyncHTTPClient
public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Wire

/// Talks to the Messages API: Anthropic's own, or any endpoint that speaks it.
public struct AnthropicBackend: ModelBackend {
    private let configuration: AnthropicConfiguration
    private let client: HTTPClient
    private let logger: Logger

    /// - Parameters:
    ///   - client: owned by the caller; made with ``AsyncHTTPClient/HTTPClient/Configuration/models(connectTimeout:readTimeout:)``.
    ///   - logger: gets one debug line for a failed request, without any content.
    public init(configuration: AnthropicConfiguration, client: HTTPClient, logger: Logger) {
        self.configuration = configuration
        self.client = client
        self.logger = logger
    }

    public var models: [ModelInfo] { configuration.models ?? ClaudeModels.all }

    public func info(for id: String) -> ModelInfo? {
        if let models = configuration.models { return models.first { $0.id == id } }
        return ClaudeModels.info(for: id)
    }

    public func respond(
        to request: ModelRequest, onEvent: @Sendable (ModelEvent) async -> Void
    ) async throws(ModelError) -> ModelResponse {
        do {
            return try await exchange(httpRequest(for: request), onEvent)
        } catch {
            let failure = Self.translated(error)
            logger.debug(
                "model request failed",
                metadata: [
                    "model": "\(request.model)", "code": "\(failure.code)", "status": "\(failure.status ?? 0)",
                    "request_id": "\(failure.requestID ?? "")", "cause": "\(failure.cause.map(Self.summary) ?? "")",
                ])
            throw failure
        }
    }

    private func httpRequest(for request: ModelRequest) throws(ModelError) -> HTTPClientRequest {
        var request = request
        if info(for: request.model)?.supportsEffort == false { request.effort = nil }
        var body = request.body(stream: true)
        if configuration.placesCacheBreakpoints { body = CacheBreakpoints.placed(in: body) }
        let bytes = body.bytes
        guard bytes.count <= configuration.maximumRequestBytes else {
            throw ModelError(
                .contextTooLong,
                "the request of \(bytes.count) bytes exceeds the limit of \(configuration.maximumRequestBytes)")
        }
        var message = HTTPClientRequest(url: configuration.baseURL + "/v1/messages")
        message.method = .POST
        message.headers.add(name: "content-type", value: "application/json")
        message.headers.add(name: "accept", value: "text/event-stream")
        message.headers.add(name: "anthropic-version", value: "2023-06-01")
        message.headers.add(name: "user-agent", value: "perimeter")
        if !request.betas.isEmpty {
            message.headers.add(name: "anthropic-beta", value: request.betas.joined(separator: ","))
        }
        if let key = configuration.apiKey { message.headers.add(name: "x-api-key", value: key.reveal()) }
        for header in configuration.headers {
            message.headers.replaceOrAdd(name: header.name, value: header.value.reveal())
        }
        message.body = .bytes(ByteBuffer(bytes: bytes))
        return message
    }

    private func exchange(
        _ message: HTTPClientRequest, _ onEvent: @Sendable (ModelEvent) async -> Void
    ) async throws -> ModelResponse {
        let deadline = NIODeadline.now() + TimeAmount(configuration.timeLimit)
        let response = try await client.execute(message, deadline: deadline)
        guard response.status == .ok else { throw await refusal(of: response) }
        var decoder = SSEDecoder()
        var assembler = MessageStreamAssembler()
        for try await chunk in response.body {
            for frame in try decoder.feed(chunk.readableBytesView) {
                for event in try assembler.take(event: frame.event, data: frame.data) {
                    try Task.checkCancellation()
                    await onEvent(event)
                }
            }
            // The message is complete: an endpoint that holds the connection open must not hold up the session.
            if assembler.isFinished { break }
        }
        try Task.checkCancellation()
        return try assembler.finish()
    }

    private func refusal(of response: HTTPClientResponse) async -> ModelError {
        // An error without a readable body is still told by its status.
        let body = try? await response.body.collect(upTo: 1 << 16)
        let json = body.flatMap { try? JSON(parsing: $0.readableBytesView) } ?? .null
        return ModelError(
            providerError: json["error"] ?? .null, status: Int(response.status.code),
            retryAfter: Self.retryAfter(response.headers),
            shouldRetry: response.headers.first(name: "x-should-retry").flatMap(Bool.init),
            requestID: response.headers.first(name: "request-id"), secret: configuration.apiKey)
    }

    /// The wait that a response asks for, up to a day. Dates are not read: no Messages endpoint is known to send them.
    private static func retryAfter(_ headers: HTTPHeaders) -> Duration? {
        let milliseconds = headers.first(name: "retry-after-ms").flatMap(Double.init)
        let seconds = headers.first(name: "retry-after").flatMap(Double.init)
        guard let wait = milliseconds.map({ $0 / 1000 }) ?? seconds, wait.isFinite, wait >= 0 else { return nil }
        return .milliseconds(Int64(min(wait, 86_400) * 1000))
    }

    private static func translated(_ error: any Error) -> ModelError {
        if Task.isCancelled || error is CancellationError {
            return ModelError(.cancelled, "the model call was cancelled", cause: error)
        }
        switch error {
        case let error as ModelError: return error
        case let error as SSEDecoder.TooLong:
            return ModelError(
                .streamBroken, "the model's response holds an event above \(error.limit) bytes", cause: error)
        case let error as HTTPClientError where timeouts.contains(error):
            return ModelError(.requestFailed, "the model provider did not answer in time", cause: error)
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            return ModelError(.streamBroken, "the model provider closed the connection", cause: error)
        default: return ModelError(.requestFailed, "the model provider could not be reached", cause: error)
        }
    }

    private static let timeouts: [HTTPClientError] = [
        .readTimeout, .writeTimeout, .connectTimeout, .deadlineExceeded, .tlsHandshakeTimeout,
        .getConnectionFromPoolTimeout,
    ]

    /// Errors of the client may quote a request; their short form does not.
    private static func summary(_ error: any Error) -> String {
        (error as? HTTPClientError)?.shortDescription ?? "\(type(of: error))"
    }
}
