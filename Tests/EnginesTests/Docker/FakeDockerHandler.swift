import NIOCore
import NIOHTTP1

/// One connection to the fake daemon.
final class FakeDockerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let fake: FakeDocker
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ fake: FakeDocker) { self.fake = fake }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let piece): body += piece.readableBytesView
        case .end:
            guard let head else { return }
            send(fake.reply(head.method, head.uri, body), context)
        }
    }

    private func send(_ reply: FakeDocker.Reply, _ context: ChannelHandlerContext) {
        switch reply {
        case .silence: break
        case .end: context.close(promise: nil)
        case .answer(let status, let bytes):
            write(status, context)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .raw(let text):
            // Past the encoder, which would not write it.
            let encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
            encoder?.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
        case .flood:
            write(200, context)
            let piece = ByteBuffer(repeating: UInt8(ascii: " "), count: 1 << 20)
            for _ in 0..<12 { context.write(wrapOutboundOut(.body(.byteBuffer(piece))), promise: nil) }
            context.flush()
        case .drip:
            write(200, context)
            let channel = context.channel
            context.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(20)) { task in
                guard channel.isActive else { return task.cancel() }
                let drop = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: " ")))
                channel.writeAndFlush(drop, promise: nil)
            }
        }
    }

    private func write(_ status: Int, _ context: ChannelHandlerContext) {
        // Without a length: the body comes in chunks, as from Podman.
        let head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.flush()
    }
}
