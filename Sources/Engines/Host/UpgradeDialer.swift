internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Sandbox

/// Opens HTTP/1.1 connections that become byte streams (RFC 9110 §7.8).
enum UpgradeDialer {
    enum Answer<Value: Sendable>: Sendable {
        case upgraded(Value)
        /// The server answered with something else; the connection is closed.
        case refused(status: Int, fields: HTTPHeaders, body: [UInt8])
    }

    private enum Step<Value: Sendable>: Sendable {
        case upgraded(Value)
        case refused(EventLoopFuture<Refusal.Whole>)
    }

    /// Connects, asks for the upgrade and waits for the answer.
    /// - Parameters:
    ///   - target: path and query, with a leading slash.
    ///   - trust: how the server is checked; used with `https` only.
    ///   - deadline: for all of it.
    /// - Throws: `.lost` when the connection fails, `.timedOut`, `.unavailable` when TLS cannot be set up.
    static func open<Value: Sendable>(
        _ url: ServiceURL, target: String, fields: HTTPHeaders, trust: TLSConfiguration,
        upgrader: some NIOTypedHTTPClientProtocolUpgrader<Value>, deadline: Duration
    ) async throws(SandboxError) -> Answer<Value> {
        let context = url.isSecure ? try context(trust) : nil
        let head = head(url, target, fields)
        typealias Parts = (channel: any Channel, step: EventLoopFuture<Step<Value>>)
        let limit = TimeAmount(deadline)
        do {
            let (channel, step): Parts = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(limit)
                // Nothing else notices a peer that has gone without a word.
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .connect(host: url.host, port: url.port) { channel in
                    channel.eventLoop.makeCompletedFuture { () -> Parts in
                        if let context {
                            try channel.pipeline.syncOperations.addHandler(
                                NIOSSLClientHandler(context: context, serverHostname: name(url)))
                        }
                        let upgrade = NIOTypedHTTPClientUpgradeConfiguration<Step<Value>>(
                            upgradeRequestHead: head, upgraders: [Upgrader(inner: upgrader)],
                            notUpgradingCompletionHandler: { channel in
                                channel.eventLoop.makeCompletedFuture {
                                    let refusal = Refusal(promise: channel.eventLoop.makePromise())
                                    try channel.pipeline.syncOperations.addHandler(refusal)
                                    return .refused(refusal.whole)
                                }
                            })
                        return (
                            channel,
                            try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                                configuration: NIOUpgradableHTTPClientPipelineConfiguration(
                                    upgradeConfiguration: upgrade))
                        )
                    }
                }
            return try await withTimer(channel, limit) {
                switch try await step.get() {
                case .upgraded(let value): return .upgraded(value)
                case .refused(let refusal):
                    let whole = try await refusal.get()
                    channel.close(promise: nil)
                    return .refused(status: Int(whole.head.status.code), fields: whole.head.headers, body: whole.body)
                }
            }
        } catch let error as SandboxError {
            throw error
        } catch {
            throw SandboxError(.lost, "no connection to \(url): \(String(peer: "\(error)", limit: 200))", cause: error)
        }
    }

    /// Closing the channel, at the deadline or on cancellation, fails whatever waits on it.
    private static func withTimer<Value: Sendable>(
        _ channel: any Channel, _ limit: TimeAmount, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let late = NIOLoopBoundBox.makeBoxSendingValue(false, eventLoop: channel.eventLoop)
        let timer = channel.eventLoop.scheduleTask(in: limit) {
            late.value = true
            channel.close(promise: nil)
        }
        do {
            let value = try await withTaskCancellationHandler {
                try await body()
            } onCancel: {
                channel.close(promise: nil)
            }
            timer.cancel()
            return value
        } catch {
            timer.cancel()
            channel.close(promise: nil)
            let isLate = try await channel.eventLoop.submit { late.value }.get()
            guard isLate else { throw error }
            throw SandboxError(.timedOut, "the server did not answer in time", cause: error)
        }
    }

    private static func context(_ trust: TLSConfiguration) throws(SandboxError) -> NIOSSLContext {
        var trust = trust
        trust.applicationProtocols = ["http/1.1"]
        do { return try NIOSSLContext(configuration: trust) } catch {
            throw SandboxError(.unavailable, "the certificates of the connection cannot be used", cause: error)
        }
    }

    /// TLS names no addresses: the certificate is checked against the address that was dialled.
    private static func name(_ url: ServiceURL) -> String? {
        (try? SocketAddress(ipAddress: url.host, port: 0)) == nil ? url.host : nil
    }

    private static func head(_ url: ServiceURL, _ target: String, _ fields: HTTPHeaders) -> HTTPRequestHead {
        var headers: HTTPHeaders = ["host": url.authority, "user-agent": "perimeter"]
        headers.add(contentsOf: fields)
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: url.path + target, headers: headers)
    }

    /// Turns the result of an upgrader into a step.
    private struct Upgrader<Value: Sendable>: NIOTypedHTTPClientProtocolUpgrader {
        let inner: any NIOTypedHTTPClientProtocolUpgrader<Value>
        var supportedProtocol: String { inner.supportedProtocol }
        var requiredUpgradeHeaders: [String] { inner.requiredUpgradeHeaders }

        func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {
            inner.addCustom(upgradeRequestHeaders: &upgradeRequestHeaders)
        }
        func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool {
            inner.shouldAllowUpgrade(upgradeResponse: upgradeResponse)
        }
        func upgrade(channel: any Channel, upgradeResponse: HTTPResponseHead) -> EventLoopFuture<Step<Value>> {
            inner.upgrade(channel: channel, upgradeResponse: upgradeResponse).map { .upgraded($0) }
        }
    }

    /// Collects an answer that is no upgrade.
    private final class Refusal: ChannelInboundHandler, Sendable {
        typealias InboundIn = HTTPClientResponsePart
        struct Whole: Sendable {
            var head: HTTPResponseHead
            var body: [UInt8]
        }
        private static let limit = 64 << 10

        private let promise: EventLoopPromise<Whole>
        private let collected: NIOLoopBoundBox<Whole>
        var whole: EventLoopFuture<Whole> { promise.futureResult }

        init(promise: EventLoopPromise<Whole>) {
            self.promise = promise
            collected = NIOLoopBoundBox.makeBoxSendingValue(
                Whole(head: HTTPResponseHead(version: .http1_1, status: .badGateway), body: []),
                eventLoop: promise.futureResult.eventLoop)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): collected.value.head = head
            case .body(let bytes):
                let room = Self.limit - collected.value.body.count
                collected.value.body += bytes.readableBytesView.prefix(room)
            case .end: promise.succeed(collected.value)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            promise.fail(ChannelError.eof)
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            promise.fail(error)
            context.close(promise: nil)
        }
    }
}
