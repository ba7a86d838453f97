import NIOCore
import NIOEmbedded
import NIOWebSocket
import Sandbox
import Testing

@testable import Engines

/// The frames of remote commands.
@Suite struct PodStreamTests {
    private func channel(_ version: String = "v5.channel.k8s.io") throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(PodStream(chosen: version))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private func receive(
        _ bytes: [UInt8], _ opcode: WebSocketOpcode = .binary, fin: Bool = true, on channel: EmbeddedChannel
    ) throws {
        try channel.writeInbound(WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(bytes: bytes)))
    }

    private func output(_ channel: EmbeddedChannel) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try channel.readInbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
        return bytes
    }

    private func sent(_ channel: EmbeddedChannel) throws -> [WebSocketFrame] {
        var frames: [WebSocketFrame] = []
        while let frame = try channel.readOutbound(as: WebSocketFrame.self) { frames.append(frame) }
        return frames
    }

    private func failure(_ body: (EmbeddedChannel) throws -> Void) throws -> SandboxError? {
        let channel = try channel()
        do { try body(channel) } catch { return error as? SandboxError }
        return nil
    }

    @Test func `output is carried however its messages are cut`() throws {
        let channel = try channel()
        for number: UInt8 in 1...3 { try receive([number], on: channel) }
        try receive([1, 10, 11], on: channel)
        try receive([1, 12], fin: false, on: channel)
        // Control frames may stand between the parts of a message.
        try receive([7], .ping, on: channel)
        try receive([13], .continuation, fin: false, on: channel)
        try receive([14], .continuation, on: channel)
        try receive([2, 99], on: channel)
        #expect(try output(channel) == [10, 11, 12, 13, 14])
        let pong = try #require(try sent(channel).first)
        #expect(pong.opcode == .pong && pong.maskKey != nil && Array(pong.data.readableBytesView) == [7])
    }

    @Test func `what the command says at its end is the reason`() throws {
        let error = try failure { channel in
            try receive(Array("\u{2}no such\nfile".utf8), on: channel)
            try receive(Array("\u{3}{\"status\":\"Failure\",\"message\":\"exit status 2\"}".utf8), on: channel)
        }
        #expect(error?.code == .lost)
        #expect(error?.message == "the stream to the Pod ended: no such file; exit status 2")
    }

    @Test func `a complaint is bounded`() throws {
        let error = try failure { channel in
            for _ in 0..<100 { try receive([2] + [UInt8](repeating: 0x61, count: 10_000), on: channel) }
            try receive([], .connectionClose, on: channel)
        }
        #expect((error?.message.utf8.count ?? 0) < 600)
    }

    @Test(arguments: [[0, 1], [4, 1], [9], [255, 1], []] as [[UInt8]])
    func `a message of a channel that is not the server's ends the stream`(_ message: [UInt8]) throws {
        #expect(try failure { try receive(message, on: $0) }?.code == .protocolViolation)
    }

    @Test func `parts in the wrong order end the stream`() throws {
        #expect(try failure { try receive([1], .continuation, on: $0) }?.code == .protocolViolation)
        let error = try failure { channel in
            try receive([1, 1], fin: false, on: channel)
            try receive([1, 1], on: channel)
        }
        #expect(error?.code == .protocolViolation)
    }

    @Test func `input is cut and masked`() throws {
        let channel = try channel()
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        try channel.writeOutbound(ByteBuffer(bytes: bytes))
        let frames = try sent(channel)
        #expect(frames.allSatisfy { $0.maskKey != nil && $0.opcode == .binary && $0.data.readableBytes <= 32769 })
        let carried = frames.flatMap { frame -> [UInt8] in
            var data = frame.data
            #expect(data.readInteger(as: UInt8.self) == 0)
            return Array(data.readableBytesView)
        }
        // As one truth: the difference of two long lists takes minutes to find.
        let isWhole = carried == bytes
        #expect(isWhole)
    }

    @Test(arguments: [("v5.channel.k8s.io", 2), ("v4.channel.k8s.io", 1)])
    func `a close is said in the words of the version`(_ version: String, _ count: Int) throws {
        let channel = try channel(version)
        channel.close(promise: nil)
        let frames = try sent(channel)
        #expect(frames.count == count && frames.last?.opcode == .connectionClose)
        if count == 2 { #expect(Array(frames[0].data.readableBytesView) == [255, 0]) }
    }

    @Test func `a server that does not answer pings is given up`() throws {
        let channel = try channel()
        channel.embeddedEventLoop.advanceTime(by: .seconds(20))
        #expect(try sent(channel).map(\.opcode) == [.ping])
        try receive([], .pong, on: channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(20))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(20))
        #expect(!channel.isActive)
        #expect(throws: SandboxError.self) { try channel.throwIfErrorCaught() }
    }
}
