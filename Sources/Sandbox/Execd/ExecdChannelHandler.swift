internal import ExecdProtocol
internal import NIOCore

/// Turns the daemon's bytes into messages and hands each to whoever waits for it.
final class ExecdChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let requests: RequestTable
    private let relays: RelayTable
    private var decoder = MessageDecoder<ExecdMessage>()

    init(requests: RequestTable, relays: RelayTable) {
        self.requests = requests
        self.relays = relays
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unwrapInboundIn(data).withUnsafeReadableBytes { decoder.feed($0) }
        do throws(ProtocolError) {
            while let (stream, message) = try decoder.next() {
                guard take(message, on: stream, context.channel) else {
                    return violated("a \(message.kind) that was not asked for", context)
                }
            }
        } catch {
            violated("\(error)", context)
        }
    }

    private func take(_ message: ExecdMessage, on stream: UInt32, _ channel: any Channel) -> Bool {
        switch message {
        case .ping(let value):
            let pong: WorkerMessage = .pong(value)
            channel.writeAndFlush(ByteBuffer(bytes: pong.encoded(on: 0)), promise: nil)
            return true
        case .pong: return true
        case .fault(let fault) where stream == 0:
            requests.close(with: SandboxError(fault))
            channel.close(promise: nil)
            return true
        case .open, .data, .window, .end, .reset: return relays.receive(message, on: stream, channel)
        case .opened: return false
        default: return requests.receive(message, on: stream)
        }
    }

    private func violated(_ reason: String, _ context: ChannelHandlerContext) {
        requests.close(with: SandboxError(.protocolViolation, "the daemon in the sandbox broke the protocol: \(reason)"))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        requests.close(with: SandboxError(.lost, "the sandbox ended"))
        relays.close()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        requests.close(with: SandboxError(.lost, "the connection to the sandbox broke", cause: error))
        context.close(promise: nil)
    }
}
