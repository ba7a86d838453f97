internal import ExecdProtocol
internal import NIOCore

/// Turns the daemon's bytes into messages and hands each to whoever waits for it.
final class ExecdChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let requests: RequestTable
    private let relays: RelayTable
    private let outlet: FrameOutlet
    private var decoder = MessageDecoder<ExecdMessage>()
    private var isOver = false

    init(requests: RequestTable, relays: RelayTable, outlet: FrameOutlet) {
        self.requests = requests
        self.relays = relays
        self.outlet = outlet
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        unwrapInboundIn(data).withUnsafeReadableBytes { decoder.feed($0) }
        do throws(ProtocolError) {
            while !isOver, let (stream, message) = try decoder.next() {
                if case .fault(let fault) = message, stream == 0 {
                    end(with: SandboxError(fault), context)
                } else if let reason = take(message, on: stream) {
                    violated(reason, context)
                }
            }
        } catch {
            violated("\(error)", context)
        }
    }

    /// - Returns: why the protocol does not allow the message, or nil.
    private func take(_ message: ExecdMessage, on stream: UInt32) -> String? {
        switch message {
        case .ping(let value):
            outlet.reply(.pong(value), on: 0)
            return nil
        case .reset where stream % 2 == 1 && requests.isWaiting(stream):
            relays.forget(stream)
            return requests.receive(message, on: stream)
        case .open, .data, .window, .end, .reset, .exited: return relays.receive(message, on: stream, outlet)
        case .pong: return "a \(message.kind) that nobody asked for"
        default: return requests.receive(message, on: stream)
        }
    }

    private func violated(_ reason: String, _ context: ChannelHandlerContext) {
        end(
            with: SandboxError(.protocolViolation, "the daemon in the sandbox broke the protocol: \(reason)"), context)
    }

    private func end(with error: SandboxError, _ context: ChannelHandlerContext) {
        isOver = true
        requests.close(with: error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isOver = true
        requests.close(with: SandboxError(.lost, "the sandbox ended"))
        relays.close()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let reason = error as? SandboxError
        end(with: reason ?? SandboxError(.lost, "the connection to the sandbox broke", cause: error), context)
    }
}
