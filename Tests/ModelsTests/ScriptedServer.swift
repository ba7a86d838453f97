import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Wire

/// A Messages endpoint on the loopback that answers each request with the next scripted reply.
final class ScriptedServer: Sendable {
    struct Reply: Sendable {
        enum Ending { case complete, hang, close }
        var status = 200
        var headers: [(String, String)] = [("content-type", "text/event-stream")]
        var body = ""
        var ending = Ending.complete
    }
    struct Request: Sendable {
        var uri: String
        var headers: HTTPHeaders
        var body: [UInt8]
        var json: JSON { (try? JSON(parsing: body)) ?? .null }
    }
    private struct State {
        var replies: [Reply]
        var requests: [Request] = []
    }

    private let state: Mutex<State>
    private let channel: any Channel
    /// Succeeds when a client has gone away from a reply that hangs.
    let abandoned: EventLoopFuture<Void>

    var requests: [Request] { state.withLock { $0.requests } }
    var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

    /// Runs `body` with a server that is gone afterwards.
    static func with<Result>(
        _ replies: [Reply], _ body: (ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let server = try await ScriptedServer(replies)
        do {
            let result = try await body(server)
            try await server.channel.close()
            return result
        } catch {
            try? await server.channel.close()
            throw error
        }
    }

    private init(_ replies: [Reply]) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let promise = group.next().makePromise(of: Void.self)
        abandoned = promise.futureResult
        state = Mutex(State(replies: replies))
        let owner = Owner()
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(owner: owner, abandoned: promise))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        owner.set(self)
        channel.closeFuture.whenComplete { _ in
            owner.set(nil)
            promise.succeed(())
        }
    }

    private func take(_ request: Request) -> Reply {
        state.withLock { state in
            state.requests.append(request)
            return state.replies.isEmpty ? Reply(status: 500) : state.replies.removeFirst()
        }
    }

    /// Lets handlers find the server that is still being made while the listener starts.
    private final class Owner: Sendable {
        private let box = Mutex<ScriptedServer?>(nil)
        func set(_ server: ScriptedServer?) { box.withLock { $0 = server } }
        var server: ScriptedServer? { box.withLock { $0 } }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let owner: Owner
        private let abandoned: EventLoopPromise<Void>
        private var request = Request(uri: "", headers: [:], body: [])
        private var hangs = false

        init(owner: Owner, abandoned: EventLoopPromise<Void>) {
            self.owner = owner
            self.abandoned = abandoned
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): request = Request(uri: head.uri, headers: head.headers, body: [])
            case .body(let buffer): request.body += Array(buffer.readableBytesView)
            case .end:
                guard let reply = owner.server?.take(request) else { return context.close(promise: nil) }
                answer(reply, context)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            if hangs { abandoned.succeed(()) }
        }

        private func answer(_ reply: Reply, _ context: ChannelHandlerContext) {
            let head = HTTPResponseHead(
                version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status),
                headers: HTTPHeaders(reply.headers + [("transfer-encoding", "chunked")]))
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if !reply.body.isEmpty {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: reply.body)))), promise: nil)
            }
            switch reply.ending {
            case .complete: context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .hang:
                hangs = true
                context.flush()
            case .close:
                context.flush()
                context.close(promise: nil)
            }
        }
    }
}
