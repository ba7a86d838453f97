import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// Stands between an engine and its daemon, and kills this very process at a chosen request: before the daemon gets it, or
/// when it has answered and the engine does not know yet. Each request has a connection of its own.
final class KillingRelay: Sendable {
    private let upstream: String
    private let fatal: Int
    private let isAfter: Bool
    private let count = Mutex(0)

    private init(upstream: String, fatal: Int, isAfter: Bool) {
        self.upstream = upstream
        self.fatal = fatal
        self.isAfter = isAfter
    }

    /// - Parameter fatal: the number of the request, from one.
    static func start(at path: String, upstream: String, fatal: Int, isAfter: Bool) async throws {
        let relay = KillingRelay(upstream: upstream, fatal: fatal, isAfter: isAfter)
        _ = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { relay.serve($0) }
            .bind(unixDomainSocketPath: path).get()
    }

    private func serve(_ client: any Channel) -> EventLoopFuture<Void> {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let isFatal = number == fatal
        if isFatal, !isAfter { die() }
        return ClientBootstrap(group: client.eventLoop)
            .channelInitializer { Self.carry(from: $0, to: client, isFatal: isFatal) }
            .connect(unixDomainSocketPath: upstream)
            .flatMap { Self.carry(from: client, to: $0, isFatal: false) }
            .flatMap { client.setOption(.autoRead, value: true) }
    }

    private static func carry(from one: any Channel, to other: any Channel, isFatal: Bool) -> EventLoopFuture<Void> {
        one.eventLoop.makeCompletedFuture {
            try one.pipeline.syncOperations.addHandler(Carrier(to: other, isFatal: isFatal))
        }
    }

    private final class Carrier: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let peer: any Channel
        private let isFatal: Bool

        init(to peer: any Channel, isFatal: Bool) {
            self.peer = peer
            self.isFatal = isFatal
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if isFatal { die() }
            peer.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { peer.close(promise: nil) }
    }
}

/// Ends this process as nothing can be prepared for.
func die() -> Never {
    kill(getpid(), SIGKILL)
    while true { pause() }
}
