internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Connects to checked addresses, never to names.
struct UpstreamDialer: Sendable {
    typealias Upstream = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private static let maximumAttempts = 4
    private static let group = MultiThreadedEventLoopGroup.singleton

    /// Tries the addresses in their order until one connects.
    /// - Parameter tls: speaks TLS to this host over the connection.
    /// - Throws: the last attempt's error.
    static func dial(
        _ addresses: [IPAddress], port: Int, tls: (context: NIOSSLContext, host: HostName)?, within limit: Duration
    ) async throws -> Upstream {
        let clock = ContinuousClock()
        let end = clock.now + limit
        var failure: any Error = ChannelError.connectTimeout(TimeAmount(limit))
        let candidates = addresses.prefix(maximumAttempts)
        for (index, address) in candidates.enumerated() {
            try Task.checkCancellation()
            // Each attempt leaves the others their share of the time.
            let share = (end - clock.now) / (candidates.count - index)
            guard share > .zero else { break }
            do {
                return try await connect(
                    SocketAddress(ipAddress: address.description, port: port), tls: tls, within: TimeAmount(share))
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private static func connect(
        _ address: SocketAddress, tls: (context: NIOSSLContext, host: HostName)?, within limit: TimeAmount
    ) async throws -> Upstream {
        try await ClientBootstrap(group: group)
            .connectTimeout(limit)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: tls == nil)
            .connect(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(UpstreamTLS.handler(tls.context, for: tls.host))
                    }
                    return try Upstream(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: tls == nil))
                }
            }
    }
}
