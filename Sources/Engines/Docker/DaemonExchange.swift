internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// One request to the container daemon and its answer, over a connection of its own.
///
/// Cancellation does not end it, its deadline does: a request that was sent may have been carried out, and whoever sent it has
/// to learn which or to clean up.
struct DaemonExchange: Sendable {
    struct Request: Sendable {
        var method: HTTPMethod
        /// Path and query, encoded.
        var uri: String
        var body: [UInt8] = []
        var contentType = "application/json"
    }

    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
    }

    var socketPath: String
    var deadline: Duration
    /// Bytes of an answer beyond which it is given up.
    var answerLimit = 8 << 20

    func run(_ request: Request) async throws(DaemonFailure) -> Answer {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let promise = loop.makePromise(of: Answer.self)
        let timer = loop.scheduleTask(in: TimeAmount(deadline)) { promise.fail(DaemonFailure.timedOut(deadline)) }
        let channel: any Channel
        do { channel = try await connect(loop, promise) } catch {
            promise.fail(error)
            timer.cancel()
            // The promise is never left: its failure is the error of the connection.
            _ = try? await promise.futureResult.get()
            throw DaemonFailure.unreachable(socketPath, error)
        }
        send(request, to: channel)
        let result: Result<Answer, any Error>
        do { result = .success(try await promise.futureResult.get()) } catch { result = .failure(error) }
        timer.cancel()
        channel.close(promise: nil)
        switch result {
        case .success(let answer): return answer
        case .failure(let failure as DaemonFailure): throw failure
        case .failure(let error): throw .broken("\(error)")
        }
    }

    private func connect(_ loop: any EventLoop, _ promise: EventLoopPromise<Answer>) async throws -> any Channel {
        let limit = answerLimit
        return try await ClientBootstrap(group: loop).connectTimeout(TimeAmount(deadline))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Nothing that follows the answer is of interest: the connection serves one request.
                    try channel.pipeline.syncOperations.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                    try channel.pipeline.syncOperations.addHandler(AnswerCollector(promise: promise, limit: limit))
                }
            }
            .connect(unixDomainSocketPath: socketPath).get()
    }

    private func send(_ request: Request, to channel: any Channel) {
        var headers: HTTPHeaders = ["Host": "daemon", "Connection": "close"]
        if !request.body.isEmpty { headers.add(name: "Content-Type", value: request.contentType) }
        if !request.body.isEmpty || request.method == .POST {
            headers.add(name: "Content-Length", value: "\(request.body.count)")
        }
        let head = HTTPRequestHead(version: .http1_1, method: request.method, uri: request.uri, headers: headers)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !request.body.isEmpty {
            channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: request.body))), promise: nil)
        }
        // A daemon that hangs up early is noticed by the collector.
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }
}

/// Gathers one answer within its bound.
private final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<DaemonExchange.Answer>
    private let limit: Int
    private var status = 0
    private var body: [UInt8] = []

    init(promise: EventLoopPromise<DaemonExchange.Answer>, limit: Int) {
        self.promise = promise
        self.limit = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = Int(head.status.code)
        case .body(let piece):
            guard body.count + piece.readableBytes <= limit else {
                promise.fail(DaemonFailure.malformed("an answer of more than \(limit) bytes"))
                return context.close(promise: nil)
            }
            body += piece.readableBytesView
        case .end: promise.succeed(DaemonExchange.Answer(status: status, body: body))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(DaemonFailure.broken("it closed the connection before it had answered"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(
            error is HTTPParserError
                ? DaemonFailure.malformed("no HTTP: \(error)") : DaemonFailure.broken("\(error)"))
        context.close(promise: nil)
    }
}
