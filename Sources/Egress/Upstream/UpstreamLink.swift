internal import NIOCore

/// A connection to a host that carries one request after the other. Each direction has one user at a time.
final class UpstreamLink: Sendable {
    private actor Reader {
        private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator

        init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) { iterator = inbound.makeAsyncIterator() }

        func next() async throws -> [UInt8]? {
            var iterator = iterator
            defer { self.iterator = iterator }
            return try await iterator.next(isolation: self).map { Array($0.readableBytesView) }
        }
    }
    private let channel: any Channel
    private let reader: Reader
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    /// The checked address at the other end; nil when it cannot be told.
    let address: IPAddress?

    init(
        _ channel: any Channel, _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.channel = channel
        self.outbound = outbound
        reader = Reader(inbound)
        address = (channel.remoteAddress?.ipAddress).flatMap { IPAddress($0) }
    }

    /// Whether the host has not ended it.
    var isOpen: Bool { channel.isActive }

    /// The next bytes of the host; nil at the end.
    func next() async throws -> [UInt8]? { try await reader.next() }

    func write(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }
}
