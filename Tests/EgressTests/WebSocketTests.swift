import Logging
import NIOCore
import NIOPosix
import Sandbox
import Synchronization
import Testing

@testable import Egress

@Suite struct WebSocketTests {
    private static let agreement =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

    private final class Seen: Sendable {
        private let bytes = Mutex("")
        var text: String { bytes.withLock { $0 } }
        func add(_ more: String) { bytes.withLock { $0 += more } }
    }

    /// A server that gives one answer to the first head that it gets, and then repeats what comes, in angle brackets.
    private func with(
        answering answer: String, _ body: (Int, Seen) async throws -> Void
    ) async throws {
        let seen = Seen()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.executeThenClose { accepted in
                    for try await channel in accepted {
                        try? await channel.executeThenClose { inbound, outbound in
                            var isOpen = false
                            for try await buffer in inbound {
                                seen.add(String(buffer: buffer))
                                if isOpen {
                                    try await outbound.write(ByteBuffer(string: "<\(String(buffer: buffer))>"))
                                } else if seen.text.contains("\r\n\r\n") {
                                    isOpen = true
                                    try await outbound.write(ByteBuffer(string: answer))
                                    if answer.contains("close") { break }
                                }
                            }
                        }
                    }
                }
            }
            try await body(server.channel.localAddress?.port ?? 0, seen)
            group.cancelAll()
        }
    }

    private func gate(_ port: Int) -> EgressGate {
        EgressGate(
            policy: .allow(hosts: ["http://127.0.0.1:\(port)/live"]),
            context: EgressContext(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    }

    private func request(_ port: Int) -> [UInt8] {
        Array(
            ("GET http://127.0.0.1:\(port)/live HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Key: abc\r\n\r\n").utf8)
    }

    @Test func `once the host agrees both sides may speak`() async throws {
        try await with(answering: Self.agreement) { port, seen in
            let connection = MemoryConnection([request(port) + Array("early".utf8)])
            let task = Task { await gate(port).serve(connection) }
            while !connection.answer.hasSuffix("<early>") { await Task.yield() }
            #expect(connection.answer.hasPrefix(Self.agreement))
            let head = seen.text
            #expect(head.contains("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"))
            #expect(head.contains("Sec-WebSocket-Key: abc"))
            await connection.reset()
            await task.value
        }
    }

    @Test func `what follows a refusal is not sent to the host`() async throws {
        let refusal = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        try await with(answering: refusal) { port, seen in
            let smuggled = Array("GET /admin HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
            let connection = MemoryConnection([request(port) + smuggled])
            await gate(port).serve(connection)
            #expect(connection.answer == refusal)
            #expect(!seen.text.contains("/admin"))
        }
    }
}
