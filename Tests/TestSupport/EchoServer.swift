package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on the loopback that answers with what it was asked, and counts.
package final class EchoServer: Sendable {
    package let port: Int
    private let channel: any Channel
    private let counted: Counter
    private let accepted: Counter

    final class Counter: Sendable {
        private let value = Mutex(0)
        var count: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    /// Requests that have come in whole.
    package var requests: Int { counted.count }

    private init(channel: any Channel, port: Int, counted: Counter, accepted: Counter) {
        self.accepted = accepted
        self.channel = channel
        self.port = port
        self.counted = counted
    }

    /// Connections that have come.
    package var connections: Int { accepted.count }

    /// - Parameters:
    ///   - isSilent: never answers.
    ///   - keepsOpen: how many requests it answers on a connection, which it ends then without a word; nil ends each with its
    ///     answer, and says so.
    ///   - outer: goes in front of the HTTP handlers, such as TLS.
    package static func with(
        isSilent: Bool = false, keepsOpen: Int? = nil, outer: (@Sendable () throws -> any ChannelHandler)? = nil,
        _ body: (EchoServer) async throws -> Void
    ) async throws {
        let (counted, accepted) = (Counter(), Counter())
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    accepted.add()
                    if let outer { try channel.pipeline.syncOperations.addHandler(outer()) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Answering(counted: counted, isSilent: isSilent, keepsOpen: keepsOpen))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = EchoServer(
            channel: channel, port: channel.localAddress?.port ?? 0, counted: counted,
            accepted: accepted)
        do {
            try await body(server)
        } catch {
            try await channel.close().get()
            throw error
        }
        try await channel.close().get()
    }

    /// Answers `METHOD path host=… body=…`; for `/bytes/N` so many bytes; for `/show-fields` what it got, names in lower case.
    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let counted: Counter
        private let isSilent: Bool
        private let keepsOpen: Int?
        private var answered = 0
        private var head: HTTPRequestHead?
        private var bodyBytes = 0
        private var bodyStart = ByteBuffer()

        init(counted: Counter, isSilent: Bool, keepsOpen: Int?) {
            self.keepsOpen = keepsOpen
            self.counted = counted
            self.isSilent = isSilent
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, bodyBytes, bodyStart) = (head, 0, ByteBuffer())
            case .body(var buffer):
                bodyBytes += buffer.readableBytes
                if bodyStart.readableBytes < 4096 { bodyStart.writeBuffer(&buffer) }
            case .end:
                counted.add()
                guard !isSilent, let head else { return }
                answer(head, context)
            }
        }

        private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
            var body = ByteBuffer()
            if head.uri.hasPrefix("/bytes/"), let count = Int(head.uri.dropFirst(7)) {
                body.writeBytes((0..<count).map { UInt8(truncatingIfNeeded: $0 % 251) })
            } else if head.uri.hasPrefix("/show-fields") {
                for (name, value) in head.headers { body.writeString("\(name.lowercased()): \(value)\n") }
                body.writeString("\n")
                body.writeBuffer(&bodyStart)
            } else {
                let host = head.headers.first(name: "host") ?? "-"
                body.writeString("\(head.method) \(head.uri) host=\(host) body=\(bodyBytes)")
            }
            var fields: HTTPHeaders = ["content-length": "\(body.readableBytes)"]
            if keepsOpen == nil { fields.add(name: "connection", value: "close") }
            answered += 1
            context.write(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: fields))), promise: nil)
            if head.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
            let end = context.eventLoop.makePromise(of: Void.self)
            if answered >= keepsOpen ?? 1 {
                end.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: end)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
