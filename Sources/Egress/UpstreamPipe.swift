internal import NIOCore
internal import Sandbox
internal import Synchronization

/// Carries bytes between a connection from inside and a host.
final class UpstreamPipe: Sendable {
    typealias Inbound = NIOAsyncChannelInboundStream<ByteBuffer>
    typealias Outbound = NIOAsyncChannelOutboundWriter<ByteBuffer>

    private static let pieceSize = 64 << 10

    private let connection: any OutboundConnection
    private let watch: ActivityWatch
    private let answered = Mutex(false)

    init(connection: any OutboundConnection, watch: ActivityWatch) {
        self.connection = connection
        self.watch = watch
    }

    /// Whether anything has been sent inside: then an error can no longer be told in words.
    var hasAnswered: Bool { answered.withLock { $0 } }

    /// Both directions, until each has ended.
    func tunnel(_ first: ArraySlice<UInt8>, _ inbound: Inbound, _ outbound: Outbound) async throws {
        answered.withLock { $0 = true }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                if !first.isEmpty { try await outbound.write(ByteBuffer(bytes: first)) }
                while let bytes = try await connection.read() {
                    watch.touch()
                    try await outbound.write(ByteBuffer(bytes: bytes))
                }
                outbound.finish()
            }
            group.addTask { [self] in try await answer(from: inbound) }
            try await group.waitForAll()
        }
    }

    /// One request with its body, and all that the host answers.
    func forward(
        _ request: ProxyRequest, _ first: ArraySlice<UInt8>, _ inbound: Inbound, _ outbound: Outbound
    ) async throws {
        try await outbound.write(ByteBuffer(bytes: request.forwardedHead))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { [self] in
                try await send(request.body, first, outbound)
                return false
            }
            group.addTask { [self] in
                try await answer(from: inbound)
                return true
            }
            // The host may answer, and end, before it has read the whole body.
            while let isOver = try await group.next(), !isOver {}
            group.cancelAll()
        }
    }

    private func send(_ framing: BodyFraming, _ first: ArraySlice<UInt8>, _ outbound: Outbound) async throws {
        var scanner = BodyScanner(framing)
        var bytes = first
        while true {
            let count = try scanner.take(bytes)
            if count > 0 {
                // A host that takes no more has its reason, and says so in its answer.
                do { try await outbound.write(ByteBuffer(bytes: bytes.prefix(count))) } catch { return }
            }
            guard !scanner.isFinished else { return }
            guard let more = try await connection.read() else {
                throw ProxyRequestError.malformed("its body is cut short")
            }
            watch.touch()
            bytes = more[...]
        }
    }

    private func answer(from inbound: Inbound) async throws {
        for try await var buffer in inbound {
            watch.touch()
            while let bytes = buffer.readBytes(length: min(buffer.readableBytes, Self.pieceSize)), !bytes.isEmpty {
                answered.withLock { $0 = true }
                try await connection.write(bytes)
                watch.touch()
            }
        }
        try Task.checkCancellation()
        await connection.finish()
    }
}
