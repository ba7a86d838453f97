internal import ArgumentParser
internal import NIOCore
internal import NIOPosix
internal import Wire

/// A port of a session's sandbox on this machine.
struct SessionsForward: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forward", abstract: "Reach a port inside a session's sandbox from this machine, until Ctrl-C.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Argument(
        help: ArgumentHelp("Port inside, or LOCAL:INSIDE; a local port of 0 takes a free one.", valueName: "port"))
    var port: PortPair

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let pair = port
        let id = try PathSegment.id(id)
        try await client.withClient { client in
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .bind(host: "127.0.0.1", port: Int(pair.local)) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                            wrappingChannelSynchronously: channel,
                            configuration: .init(isOutboundHalfClosureEnabled: true))
                    }
                }
            Terminal.writeError(
                "http://127.0.0.1:\(listener.channel.localAddress?.port ?? 0) is port \(pair.inside) of \(id); Ctrl-C ends\n"
            )
            _ = try await Interruption.catching {
                try await withThrowingDiscardingTaskGroup { group in
                    try await listener.executeThenClose { connections in
                        for try await connection in connections {
                            group.addTask { await Self.serve(connection, client, id, pair.inside) }
                        }
                    }
                }
            }
        }
    }

    private static func serve(
        _ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ client: AdminClient, _ id: String, _ port: UInt16
    ) async {
        do {
            let link = try await SandboxLink(
                client, session: id, [("type", "port"), ("port", "\(port)"), ("purpose", "forward")])
            defer { link.close() }
            try await connection.executeThenClose { inbound, outbound in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        for try await buffer in inbound { await link.send(Array(buffer.readableBytesView)) }
                        await link.send(.endOfInput)
                        return false
                    }
                    group.addTask {
                        _ = try await link.receive { try await outbound.write(ByteBuffer(bytes: $0)) }
                        return true
                    }
                    defer { group.cancelAll() }
                    while let isOver = try await group.next() { if isOver { return } }
                }
            }
        } catch let error as CommandError {
            Terminal.writeError("\(error.message)\n")
            try? await connection.channel.close().get()
        } catch {
            // The local program went away; its connection is all that ends.
        }
    }
}

/// `8080`, or `9000:8080`.
struct PortPair: ExpressibleByArgument, Equatable {
    var local: UInt16
    var inside: UInt16

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { UInt16($0) }
        guard (1...2).contains(parts.count), let inside = parts[parts.count - 1], let local = parts[0], inside > 0
        else {
            return nil
        }
        self.inside = inside
        self.local = local
    }
}
