internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket
internal import Sandbox
internal import Wire

/// Carries the daemon's bytes in the frames of a remote command: `v5.channel.k8s.io`, or `v4` of older clusters.
///
/// The first byte of a message names a channel: 0 standard input, 1 output, 2 error, 3 the command's end as a Status
/// object (k8s.io/apimachinery remotecommand). Only version 5 can close a channel, with `[255, channel]`.
final class PodStream: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = WebSocketFrame

    static let protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
    static let largestFrame = 1 << 20
    private static let pieceSize = 32 << 10
    private static let statusLimit = 64 << 10
    private static let complaintLimit = 4096
    /// Load balancers cut connections on which nothing moves.
    private static let pingInterval = TimeAmount.seconds(20)

    private enum Carried: UInt8 { case input = 0, output, complaint, status, resize }

    private let canClose: Bool
    /// The channel of a message whose end has not come yet.
    private var current: Carried?
    private var complaint: [UInt8] = []
    private var status: [UInt8] = []
    private var isSilent = false
    private var pings: RepeatedTask?

    /// - Parameter chosen: out of ``protocols``.
    init(chosen: String) { canClose = chosen == Self.protocols[0] }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        pings = context.eventLoop.scheduleRepeatedTask(initialDelay: Self.pingInterval, delay: Self.pingInterval) { _ in
            bound.value.handler.ping(bound.value.context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { pings?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        pings?.cancel()
        context.fireChannelInactive()
    }

    private func ping(_ context: ChannelHandlerContext) {
        guard !isSilent else { return fail("the API server does not answer any more", .lost, context) }
        isSilent = true
        send(.ping, ByteBuffer(), context, nil)
        context.flush()
    }

    // MARK: - From the cluster

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        isSilent = false
        var bytes = frame.unmaskedData
        switch frame.opcode {
        case .ping:
            send(.pong, bytes, context, nil)
            context.flush()
        case .pong: break
        case .connectionClose: ended(context)
        case .binary, .text:
            guard current == nil, let channel = bytes.readInteger(as: UInt8.self).flatMap({ Carried(rawValue: $0) })
            else { return fail("a message of no known channel", .protocolViolation, context) }
            take(channel, bytes, isLast: frame.fin, context)
        case .continuation:
            guard let current else { return fail("a message without a beginning", .protocolViolation, context) }
            take(current, bytes, isLast: frame.fin, context)
        default: fail("a frame of an unknown kind", .protocolViolation, context)
        }
    }

    private func take(_ channel: Carried, _ bytes: ByteBuffer, isLast: Bool, _ context: ChannelHandlerContext) {
        current = isLast ? nil : channel
        switch channel {
        case .output:
            if bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(bytes)) }
        case .complaint:
            complaint += bytes.readableBytesView.prefix(Self.complaintLimit - complaint.count)
        case .status:
            status += bytes.readableBytesView.prefix(Self.statusLimit - status.count)
            // An empty one comes first from some servers.
            if isLast, !status.isEmpty { ended(context) }
        case .input, .resize: fail("bytes on a channel of this side", .protocolViolation, context)
        }
    }

    private func ended(_ context: ChannelHandlerContext) {
        let message = (try? JSON(parsing: status, maximumDepth: 32))?["message"]?.stringValue ?? ""
        let words = [String(peer: complaint), String(peer: message)].filter { !$0.isEmpty }.joined(separator: "; ")
        fail("the stream to the Pod ended" + (words.isEmpty ? "" : ": \(words)"), .lost, context)
    }

    private func fail(_ reason: String, _ code: SandboxError.Code, _ context: ChannelHandlerContext) {
        context.fireErrorCaught(SandboxError(code, reason))
        context.close(promise: nil)
    }

    // MARK: - To the cluster

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var rest = unwrapOutboundIn(data)
        repeat {
            let piece = rest.readSlice(length: min(rest.readableBytes, Self.pieceSize)) ?? ByteBuffer()
            var message = context.channel.allocator.buffer(capacity: piece.readableBytes + 1)
            message.writeInteger(Carried.input.rawValue)
            message.writeImmutableBuffer(piece)
            send(.binary, message, context, rest.readableBytes == 0 ? promise : nil)
        } while rest.readableBytes > 0
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if context.channel.isActive {
            if canClose { send(.binary, ByteBuffer(bytes: [255, Carried.input.rawValue]), context, nil) }
            send(.connectionClose, ByteBuffer(bytes: [0x03, 0xE8]), context, nil)
            context.flush()
        }
        context.close(mode: .all, promise: promise)
    }

    /// What a client sends is masked (RFC 6455 §5.3).
    private func send(
        _ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext,
        _ promise: EventLoopPromise<Void>?
    ) {
        context.write(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)), promise: promise
        )
    }
}

extension PodStream {
    /// - Parameter hasGate: whether connections from inside will be served.
    static func upgrader(hasGate: Bool) -> NIOTypedWebSocketClientUpgrader<ExecdEnd> {
        NIOTypedWebSocketClientUpgrader(maxFrameSize: largestFrame) { channel, head in
            channel.eventLoop.makeCompletedFuture {
                let chosen = head.headers.first(name: "sec-websocket-protocol") ?? ""
                guard protocols.contains(chosen) else {
                    throw SandboxError(
                        .unavailable, "the API server speaks none of \(protocols.joined(separator: ", "))")
                }
                try channel.pipeline.syncOperations.addHandler(PodStream(chosen: chosen))
                return try ExecdEnd(addedTo: channel, hasGate: hasGate)
            }
        }
    }
}
