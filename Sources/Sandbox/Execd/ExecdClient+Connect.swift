package import ExecdProtocol
package import Logging
internal import NIOCore
internal import NIOPosix

extension ExecdClient {
    /// What the kernel takes for a unix socket.
    private static let maximumPath = 107
    private static let firstPause = Duration.milliseconds(1)
    private static let longestPause = Duration.milliseconds(50)

    /// Connects to the daemon's socket and waits until it is ready to run calls. Tries again while nobody listens yet.
    ///
    /// - Parameters:
    ///   - socketPath: at most 107 bytes, which is what the kernel takes.
    ///   - gate: serves the connections that programs inside make; nil refuses them.
    ///   - deadline: how long the daemon may take to answer.
    /// - Throws: ``SandboxError`` `.timedOut`, `.protocolViolation`, `.unavailable` for a path that is too long, `.lost` when
    ///   cancelled.
    package static func connect(
        socketPath: String, gate: (any OutboundGate)?, deadline: Duration, logger: Logger
    ) async throws(SandboxError) -> ExecdClient {
        guard socketPath.utf8.count <= maximumPath else {
            throw SandboxError(
                .unavailable,
                "the path of the sandbox's socket is longer than \(maximumPath) bytes: use a shorter data directory")
        }
        let clock = ContinuousClock()
        let end = clock.now + deadline
        var pause = firstPause
        while true {
            let failure: SandboxError
            do throws(SandboxError) {
                return try await attempt(.path(socketPath), nil, gate, within: end - clock.now, logger)
            } catch {
                guard error.code == .lost else { throw error }
                failure = error
            }
            guard clock.now + pause < end else {
                throw SandboxError(.timedOut, "no daemon answers in the sandbox within \(deadline)", cause: failure)
            }
            do { try await clock.sleep(for: pause) } catch {
                throw SandboxError(.lost, "connecting to the sandbox was cancelled", cause: error)
            }
            pause = min(pause * 2, longestPause)
        }
    }

    /// As ``connect(socketPath:gate:deadline:logger:)``, over a connected stream socket, which the client owns from here on.
    /// - Parameter token: for a daemon that was started with one.
    package static func connect(
        descriptor: Int32, token: ExecdToken? = nil, gate: (any OutboundGate)?, deadline: Duration, logger: Logger
    ) async throws(SandboxError) -> ExecdClient {
        try await attempt(.descriptor(descriptor), token, gate, within: deadline, logger)
    }

    private enum Endpoint {
        case path(String)
        case descriptor(Int32)
    }

    /// Greets over a channel that carries the daemon's bytes by whatever stands before ``ExecdEnd`` in its pipeline.
    ///
    /// The client owns the channel from here on; when this throws, it is closed.
    /// - Parameters:
    ///   - token: for a daemon that was started with one, or takes one.
    ///   - orders: for a daemon that takes them.
    ///   - gate: given if and only if the end was made for one.
    package static func connect(
        _ end: ExecdEnd, token: ExecdToken?, orders: ExecdOrders? = nil, gate: (any OutboundGate)?, deadline: Duration,
        logger: Logger
    ) async throws(SandboxError) -> ExecdClient {
        do throws(SandboxError) {
            if let token {
                end.channel.write(ByteBuffer(string: token.exposed + (orders?.digits ?? "")), promise: nil)
            }
            let info = try await greet(end, within: deadline)
            return ExecdClient(
                channel: end.channel, requests: end.requests, relays: end.relays, outlet: end.outlet, info: info,
                gate: gate, logger: logger)
        } catch {
            end.channel.close(promise: nil)
            // The end of the connection is all that is waited for, however it comes.
            try? await end.channel.closeFuture.get()
            throw error
        }
    }

    /// Connects once and greets.
    private static func attempt(
        _ endpoint: Endpoint, _ token: ExecdToken?, _ gate: (any OutboundGate)?, within limit: Duration,
        _ logger: Logger
    ) async throws(SandboxError) -> ExecdClient {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(max(limit, .milliseconds(1))))
        let configure: @Sendable (any Channel) -> EventLoopFuture<ExecdEnd> = { channel in
            channel.eventLoop.makeCompletedFuture { try ExecdEnd(addedTo: channel, hasGate: gate != nil) }
        }
        let end: ExecdEnd
        do {
            switch endpoint {
            case .path(let path):
                end = try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: configure)
            case .descriptor(let descriptor):
                end = try await bootstrap.withConnectedSocket(descriptor, channelInitializer: configure)
            }
        } catch {
            throw SandboxError(.lost, "no daemon listens in the sandbox", cause: error)
        }
        return try await connect(end, token: token, gate: gate, deadline: limit, logger: logger)
    }

    private static func greet(_ parts: ExecdEnd, within limit: Duration) async throws(SandboxError) -> DaemonInfo {
        let requests = parts.requests
        let timer = parts.channel.eventLoop.scheduleTask(in: TimeAmount(limit)) {
            requests.close(with: SandboxError(.timedOut, "the daemon in the sandbox did not greet within \(limit)"))
        }
        defer { timer.cancel() }
        let stream = try requests.begin(.hello)
        parts.outlet.send(.hello(version: ProtocolLimits.version, wantsProgress: false), on: stream)
        let answer = await withTaskCancellationHandler {
            await requests.answer(on: stream)
        } onCancel: {
            requests.close(with: SandboxError(.lost, "connecting to the sandbox was cancelled"))
        }
        guard case .hello(let info) = try answer.get() else {
            throw SandboxError(.protocolViolation, "the daemon in the sandbox did not greet")
        }
        return info
    }
}
