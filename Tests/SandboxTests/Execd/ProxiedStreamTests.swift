import Egress
import ExecdProtocol
import NIOCore
import NIOPosix
import Sandbox
import TestSupport
import Testing

/// Connections from inside, through the real daemon to a gate.
@Suite(.serialized) struct ProxiedStreamTests {
    /// Sends everything back and half-closes after the program did.
    private struct EchoGate: OutboundGate {
        func serve(_ connection: any OutboundConnection) async {
            while let bytes = try? await connection.read() {
                do { try await connection.write(bytes) } catch { return }
            }
            await connection.finish()
        }
    }

    /// Sends `pieces` of 64 KiB to the proxy port, half-closes, and gives what comes back.
    private static func exchange(_ port: UInt16, pieces: Int) async throws -> Int {
        let stream = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: Int(port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        return try await stream.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    for number in 0..<pieces {
                        try await outbound.write(
                            ByteBuffer(repeating: UInt8(truncatingIfNeeded: number), count: 65536))
                    }
                    outbound.finish()
                    return 0
                }
                group.addTask {
                    var count = 0
                    for try await buffer in inbound {
                        for byte in buffer.readableBytesView {
                            #expect(byte == UInt8(truncatingIfNeeded: count / 65536))
                            guard byte == UInt8(truncatingIfNeeded: count / 65536) else { return -1 }
                            count += 1
                        }
                    }
                    return count
                }
                return try await group.reduce(0, +)
            }
        }
    }

    @Test func `bytes pass whole both ways beyond many windows`() async throws {
        try await DaemonRig.connected(gate: EchoGate()) { rig, client in
            let count = try await Self.exchange(rig.proxyPort, pieces: 64)
            #expect(count == 64 * 65536)
            let result = try await client.bash("echo still here", id: "a")
            #expect(result.text.contains("still here"))
        }
    }

    @Test func `many connections pass at once`() async throws {
        try await DaemonRig.connected(gate: EchoGate()) { rig, _ in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<60 { group.addTask { try await Self.exchange(rig.proxyPort, pieces: 2) } }
                for try await count in group { #expect(count == 2 * 65536) }
            }
        }
    }

    @Test func `without a gate a connection is refused and calls go on`() async throws {
        try await DaemonRig.connected { rig, client in
            let count = try? await Self.exchange(rig.proxyPort, pieces: 0)
            #expect(count ?? 0 == 0)
            let result = try await client.bash("echo fine", id: "a")
            #expect(result.text.contains("fine"))
        }
    }

    @Test func `detach ends what the gate serves`() async throws {
        try await DaemonRig.with { rig in
            let gate = WaitingGate()
            let client = try await rig.connect(gate: gate)
            async let inside = try? Self.exchange(rig.proxyPort, pieces: 0)
            for await _ in gate.begun { break }
            await client.detach()
            #expect(await inside ?? 0 == 0)
        }
    }

    @Test func `a place is free again only when the serving has ended`() async throws {
        let peer = try FakeDaemon()
        let gate = WaitingGate()
        let client = try await peer.connect(gate: gate)
        let last = UInt32(ProtocolLimits.maxStreams) * 2
        for stream in stride(from: 2, through: last, by: 2) { peer.say(.open, on: stream) }
        peer.say(.open, on: last + 2)
        let refused = try await peer.hear { stream, _ in stream == last + 2 }
        #expect(refused?.last?.1 == .reset(.tooManyStreams))
        var served = gate.begun.makeAsyncIterator()
        for _ in 0..<ProtocolLimits.maxStreams { await served.next() }
        // The reset cancels the serving, which then gives its place back.
        peer.say(.reset(.brokenPipe), on: 2)
        var stream = last + 4
        while true {
            peer.say(.open, on: stream)
            peer.say(.ping(UInt64(stream)), on: 0)
            let heard = try await peer.hear { [stream] _, message in message == .pong(UInt64(stream)) }
            guard heard?.contains(where: { [stream] in $0.0 == stream }) == true else { break }
            stream += 2
        }
        await served.next()
        #expect(!client.isClosed)
        await client.detach()
    }

    @Test func `a program inside fetches through the gate`() async throws {
        try await EchoServer.with { server in
            let gate = EgressGate(
                policy: .allow(hosts: ["127.0.0.1:\(server.port)"]), context: EgressContext(logger: DaemonRig.quiet))
            try await DaemonRig.connected(gate: gate) { rig, client in
                func fetch(_ address: String, _ id: String) async throws -> String {
                    try await client.bash(
                        "exec 3<>/dev/tcp/127.0.0.1/\(rig.proxyPort); printf 'GET \(address) HTTP/1.1\\r\\n\\r\\n' >&3; "
                            + "cat <&3; exec 3>&-", id: id
                    ).text
                }
                let answer = try await fetch("http://127.0.0.1:\(server.port)/from-inside", "a")
                #expect(answer.contains("200 OK") && answer.contains("GET /from-inside host=127.0.0.1:\(server.port)"))
                let denied = try await fetch("http://example.com/", "b")
                #expect(denied.contains("403 Forbidden") && denied.contains("The sandbox may not reach example.com"))
            }
        }
    }
}
