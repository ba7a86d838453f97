import NIOCore
import NIOPosix
import Synchronization

/// Answers the first bytes of every connection with the same bytes, and closes it.
final class RawServer: Sendable {
    let port: Int
    private let count: Count

    final class Count: Sendable {
        let value = Mutex(0)
    }
    var connections: Int { count.value.withLock { $0 } }

    private init(port: Int, count: Count) {
        self.port = port
        self.count = count
    }

    static func with(_ answer: String, _ body: (RawServer) async throws -> Void) async throws {
        let count = Count()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                count.value.withLock { $0 += 1 }
                return channel.pipeline.addHandler(Answering(answer: answer))
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(RawServer(port: channel.localAddress?.port ?? 0, count: count))
        } catch {
            try await channel.close().get()
            throw error
        }
        try await channel.close().get()
    }

    /// A port at which nobody listens any more.
    static func port() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        try await channel.close().get()
        return port
    }

    private final class Answering: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let answer: String
        init(answer: String) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).whenComplete { _ in
                channel.close(promise: nil)
            }
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
