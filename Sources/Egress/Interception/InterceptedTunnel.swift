internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Sandbox

/// The inside of a tunnel whose TLS ends here.
///
/// NIOSSL speaks over channels only, so the bytes from inside go through a pair of local sockets: one end is pumped from and
/// to the connection, TLS runs at the other.
struct InterceptedTunnel {
    typealias Bytes = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private static let group = MultiThreadedEventLoopGroup.singleton
    private static let pieceSize = 64 << 10

    /// Runs `body` with the plain side, and ends everything when it returns.
    /// - Parameter first: what was read of the tunnel already.
    static func with(
        _ connection: any OutboundConnection, _ first: ArraySlice<UInt8>, context: NIOSSLContext, watch: ActivityWatch,
        _ body: @escaping @Sendable (any OutboundConnection) async -> Void
    ) async throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw IOError(errnoCode: errno, reason: "socketpair")
        }
        // Both ends belong to channels from here on; this one ends the stream behind the back of TLS.
        let raw = fcntl(ends[1], F_DUPFD_CLOEXEC, 0)
        defer { close(raw) }
        let outer: Bytes
        do { outer = try await channel(ends[0]) { _ in } } catch {
            close(ends[1])
            throw error
        }
        let inner: Bytes
        do {
            inner = try await channel(ends[1]) { channel in
                try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
            }
        } catch {
            try? await outer.channel.close()
            throw error
        }
        try await outer.executeThenClose { fromInner, toInner in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do {
                        if !first.isEmpty { try await toInner.write(ByteBuffer(bytes: first)) }
                        while let bytes = try await connection.read() {
                            watch.touch()
                            try await toInner.write(ByteBuffer(bytes: bytes))
                        }
                    } catch {
                        // The plain side sees the end of the stream, as after a proper one.
                    }
                    toInner.finish()
                }
                group.addTask {
                    do {
                        for try await var buffer in fromInner {
                            watch.touch()
                            while let bytes = buffer.readBytes(length: min(buffer.readableBytes, pieceSize)),
                                !bytes.isEmpty
                            {
                                try await connection.write(bytes)
                            }
                        }
                    } catch {
                        await connection.reset()
                    }
                }
                try? await inner.executeThenClose { inbound, outbound in
                    await body(PlainSide(inner.channel, inbound, outbound, socket: raw))
                }
                // The goodbye of TLS has been read by now or never will be.
                group.cancelAll()
            }
        }
    }

    private static func channel(
        _ socket: Int32, _ prepare: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> Bytes {
        try await ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .withConnectedSocket(socket) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try prepare(channel)
                    return try Bytes(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
    }
}

/// What a program inside says and hears, without its TLS.
final class PlainSide: OutboundConnection {
    private actor Reader {
        private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator

        init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) { iterator = inbound.makeAsyncIterator() }

        func next() async throws -> ByteBuffer? {
            var iterator = iterator
            defer { self.iterator = iterator }
            return try await iterator.next(isolation: self)
        }
    }
    private let reader: Reader
    private let channel: any Channel
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let socket: Int32

    /// - Parameter socket: the channel's own, open for as long as this is used.
    init(
        _ channel: any Channel, _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, socket: Int32
    ) {
        reader = Reader(inbound)
        self.channel = channel
        self.outbound = outbound
        self.socket = socket
    }

    func read() async throws(SandboxError) -> [UInt8]? {
        do {
            guard let buffer = try await reader.next() else { return nil }
            return Array(buffer.readableBytesView)
        } catch {
            throw SandboxError(.lost, "the connection from inside broke", cause: error)
        }
    }

    func write(_ bytes: [UInt8]) async throws(SandboxError) {
        do { try await outbound.write(ByteBuffer(bytes: bytes)) } catch {
            throw SandboxError(.lost, "the connection from inside broke", cause: error)
        }
    }

    func finish() async { outbound.finish() }

    /// Ends without the goodbye of TLS, as a host did or as if it had broken: the program must not take what it has for the
    /// whole of an answer that is as long as its connection.
    func reset() async {
        // What was written before goes out first.
        try? await channel.writeAndFlush(ByteBuffer()).get()
        shutdown(socket, Int32(SHUT_WR))
    }
}
