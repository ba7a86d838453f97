internal import NIOCore
internal import Sandbox
internal import Synchronization

/// Carries bytes between a connection from inside and a host.
final class UpstreamPipe: Sendable {
    typealias Inbound = NIOAsyncChannelInboundStream<ByteBuffer>
    typealias Outbound = NIOAsyncChannelOutboundWriter<ByteBuffer>

    private static let pieceSize = 64 << 10
    /// What every HTTP/1.1 answer that agrees to an upgrade starts with.
    private static let switching = Array("HTTP/1.1 101".utf8)

    private let connection: any OutboundConnection
    private let watch: ActivityWatch
    private let tally: Tally
    private let answered = Mutex(false)

    init(connection: any OutboundConnection, watch: ActivityWatch, tally: Tally) {
        self.connection = connection
        self.watch = watch
        self.tally = tally
    }

    /// Whether anything has been sent inside: then an error can no longer be told in words.
    var hasAnswered: Bool { answered.withLock { $0 } }

    /// Both directions, until each has ended.
    func tunnel(_ first: ArraySlice<UInt8>, _ inbound: Inbound, _ outbound: Outbound) async throws {
        answered.withLock { $0 = true }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in try await pass(first, to: outbound) }
            group.addTask { [self] in try await answer(from: inbound) }
            // A direction that broke ends the other one, which `waitForAll` would wait for.
            while try await group.next() != nil {}
        }
    }

    /// One request with its body, and all that the host answers.
    /// - Parameters:
    ///   - swap: the secrets that the host gets.
    ///   - leaks: what must not be in the body.
    func forward(
        _ request: ProxyRequest, _ first: ArraySlice<UInt8>, _ inbound: Inbound, _ outbound: Outbound,
        _ swap: SecretSwap, leaks: [LeakRule]
    ) async throws {
        var request = request
        request.fields = swap.apply(to: request.fields)
        guard !request.asksForWebSocket else { return try await upgrade(request, first, inbound, outbound) }
        let body = RequestBody(&request, swap: swap.body, leaks: leaks)
        if body.answersExpectation { try await connection.write(ProxyReply.goOn) }
        // A body that is swapped whole decides over the head's length field.
        if let head = body.head(of: request) { try await write(head, to: outbound) }
        try await withThrowingTaskGroup(of: Bool.self) { [request, body] group in
            group.addTask { [self] in
                var body = body
                try await send(request, &body, first) { try await outbound.write(ByteBuffer(bytes: $0)) }
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

    /// One request with its body and the answer to it, over a connection that may be used again.
    /// - Returns: what the program sent behind the request, and whether the host's connection carries another one; nil when no
    ///   other one can follow, and both sides are to end.
    func converse(
        _ request: ProxyRequest, _ first: ArraySlice<UInt8>, _ link: UpstreamLink, _ swap: SecretSwap,
        leaks: [LeakRule]
    ) async throws -> (rest: ArraySlice<UInt8>, keepsHost: Bool)? {
        enum Part: Sendable { case sent(ArraySlice<UInt8>), answered(Answer) }
        var request = request
        request.fields = swap.apply(to: request.fields)
        request.keepsHost = request.wantsMore
        let body = RequestBody(&request, swap: swap.body, leaks: leaks)
        if body.answersExpectation { try await connection.write(ProxyReply.goOn) }
        if let head = body.head(of: request) {
            try await link.write(head)
            tally.sent(head.count)
        }
        return try await withThrowingTaskGroup(of: Part.self) { [request, body] group in
            group.addTask { [self] in
                var body = body
                try await send(request, &body, first) { try await link.write($0) }
                return .sent(body.surplus)
            }
            group.addTask { [self] in .answered(try await answer(to: request.method, from: link)) }
            var surplus: ArraySlice<UInt8>?
            while let part = try await group.next() {
                switch part {
                case .sent(let bytes): surplus = bytes
                case .answered(let answer):
                    // A host that answers before it has the whole body leaves the rest of it between two requests.
                    group.cancelAll()
                    guard answer != .last, request.wantsMore, let surplus else { return nil }
                    return (surplus, answer == .whole(keepsHost: true))
                }
            }
            return nil
        }
    }

    private enum Answer: Equatable {
        /// It ends with the connection, or says that the connection does.
        case last
        case whole(keepsHost: Bool)
    }

    private func answer(to method: String, from link: UpstreamLink) async throws -> Answer {
        var scanner = AnswerScanner(to: method)
        while let bytes = try await link.next() {
            watch.touch()
            let count = scanner.take(bytes)
            answered.withLock { $0 = true }
            try await connection.write(Array(bytes.prefix(count)))
            tally.received(count)
            watch.touch()
            guard scanner.isFinished else { continue }
            // What nobody asked for makes every later answer of this connection doubtful.
            return scanner.allowsReuse ? .whole(keepsHost: count == bytes.count && link.isOpen) : .last
        }
        try Task.checkCancellation()
        guard hasAnswered else { throw ChannelError.eof }
        return .last
    }

    /// A request to speak WebSocket: what follows passes only once the host has agreed, since it would else be another request.
    private func upgrade(
        _ request: ProxyRequest, _ first: ArraySlice<UInt8>, _ inbound: Inbound, _ outbound: Outbound
    ) async throws {
        try await write(request.forwardedHead, to: outbound)
        let (agreements, agreed) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingOldest(1))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { [self] in
                guard await agreements.first(where: { _ in true }) == true else { return false }
                try await pass(first, to: outbound)
                return false
            }
            group.addTask { [self] in
                defer { agreed.finish() }
                try await answer(from: inbound) { start in
                    guard start.count >= Self.switching.count else { return false }
                    agreed.yield(start.starts(with: Self.switching))
                    return true
                }
                return true
            }
            while let isOver = try await group.next(), !isOver {}
            group.cancelAll()
        }
    }

    private func pass(_ first: ArraySlice<UInt8>, to outbound: Outbound) async throws {
        if !first.isEmpty { try await write(Array(first), to: outbound) }
        while let bytes = try await connection.read() {
            watch.touch()
            try await write(bytes, to: outbound)
        }
        outbound.finish()
    }

    private func send(
        _ request: ProxyRequest, _ body: inout RequestBody, _ first: ArraySlice<UInt8>,
        _ write: ([UInt8]) async throws -> Void
    ) async throws {
        var bytes = first
        while true {
            let ready = try body.take(bytes, of: request)
            if !ready.isEmpty {
                // A host that takes no more has its reason, and says so in its answer.
                do { try await write(ready) } catch { return }
                tally.sent(ready.count)
            }
            guard !body.isFinished else { return }
            guard let more = try await connection.read() else {
                throw ProxyRequestError.malformed("its body is cut short")
            }
            watch.touch()
            bytes = more[...]
        }
    }

    private func write(_ bytes: [UInt8], to outbound: Outbound) async throws {
        try await outbound.write(ByteBuffer(bytes: bytes))
        tally.sent(bytes.count)
    }

    /// - Parameter look: shown the start of the answer, more each time, until it has seen enough.
    private func answer(from inbound: Inbound, look: (([UInt8]) -> Bool)? = nil) async throws {
        var look = look
        var start: [UInt8] = []
        for try await var buffer in inbound {
            watch.touch()
            while let bytes = buffer.readBytes(length: min(buffer.readableBytes, Self.pieceSize)), !bytes.isEmpty {
                if let seen = look {
                    start += bytes.prefix(64)
                    if seen(start) { look = nil }
                }
                answered.withLock { $0 = true }
                try await connection.write(bytes)
                tally.received(bytes.count)
                watch.touch()
            }
        }
        try Task.checkCancellation()
        await connection.finish()
    }
}
