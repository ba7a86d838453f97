import NIOCore
import NIOPosix
import NIOSSL
import Sandbox
import Synchronization

@testable import Egress

/// A program inside that speaks TLS through a tunnel of a gate.
enum TunnelClient {
    /// What comes back for one request, whole. `PORT` in it stands for the port.
    static func ask(_ text: String, of gate: EgressGate, host: String, port: Int, roots: String) async throws -> String
    {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(roots.utf8)))
        let context = try NIOSSLContext(configuration: settings)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        return try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask {
                try await server.executeThenClose { accepted in
                    for try await channel in accepted {
                        try? await channel.executeThenClose { inbound, outbound in
                            await gate.serve(ChannelConnection(inbound, outbound))
                        }
                    }
                }
                return nil
            }
            group.addTask {
                let address = server.channel.localAddress
                guard let address else { throw ChannelError.unknownLocalAddress }
                return try await speak(
                    text.replacing("PORT", with: "\(port)"), through: address, to: "\(host):\(port)", name: host,
                    context)
            }
            defer { group.cancelAll() }
            while let answer = try await group.next() { if let answer { return answer } }
            return ""
        }
    }

    private static func speak(
        _ text: String, through address: SocketAddress, to target: String, name: String, _ context: NIOSSLContext
    ) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "CONNECT \(target) HTTP/1.1\r\n\r\n"))
            var bytes: [UInt8] = []
            var isOpen = false
            for try await buffer in inbound {
                bytes += buffer.readableBytesView
                if !isOpen {
                    guard bytes.suffix(4) == [13, 10, 13, 10] else { continue }
                    guard String(decoding: bytes, as: UTF8.self).hasPrefix("HTTP/1.1 200 ") else { break }
                    isOpen = true
                    bytes = []
                    try await channel.channel.eventLoop.submit {
                        let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
                        try channel.channel.pipeline.syncOperations.addHandler(handler, position: .first)
                    }.get()
                    try await outbound.write(ByteBuffer(string: text))
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

/// A connection of a test's socket, as the gate sees one from inside.
private final class ChannelConnection: OutboundConnection {
    private actor Reader {
        var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) { iterator = inbound.makeAsyncIterator() }
        func next() async throws -> ByteBuffer? {
            var iterator = iterator
            defer { self.iterator = iterator }
            return try await iterator.next(isolation: self)
        }
    }
    private let reader: Reader
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) {
        reader = Reader(inbound)
        self.outbound = outbound
    }

    func read() async throws(SandboxError) -> [UInt8]? {
        do { return try await reader.next().map { Array($0.readableBytesView) } } catch {
            throw SandboxError(.lost, "over", cause: error)
        }
    }
    func write(_ bytes: [UInt8]) async throws(SandboxError) {
        do { try await outbound.write(ByteBuffer(bytes: bytes)) } catch {
            throw SandboxError(.lost, "over", cause: error)
        }
    }
    func finish() async { outbound.finish() }
    func reset() async { outbound.finish() }
}
