import Logging
import Sandbox
import TestSupport
import Testing

@testable import Egress

@Suite struct SOCKSTests {
    private func gate(_ rules: [String]) -> EgressGate {
        EgressGate(
            policy: .allow(hosts: rules),
            context: EgressContext(
                resolver: FixedResolver(["127.0.0.1"]), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        )
    }

    private func request(_ name: String, _ port: Int) -> [UInt8] {
        [5, 1, 0, 3, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(port >> 8), UInt8(port & 0xFF)]
    }

    @Test func `a program that speaks SOCKS gets a tunnel, in whatever pieces it asks`() async throws {
        try await EchoServer.with { server in
            let all: [UInt8] =
                [5, 2, 0, 2] + request("localhost", server.port) + Array("GET /s HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
            for size in [1, 3, all.count] {
                let pieces = stride(from: 0, to: all.count, by: size).map { Array(all[$0..<min($0 + size, all.count)]) }
                let connection = MemoryConnection(pieces)
                await gate(["localhost:\(server.port)"]).serve(connection)
                #expect(connection.bytes.starts(with: [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
                #expect(connection.answer.hasSuffix("GET /s host=h body=0"))
            }
        }
    }

    @Test func `what the policy refuses is refused in the words of SOCKS`() async throws {
        let refused = MemoryConnection([[5, 1, 0] + request("other.example", 443)])
        await gate(["localhost"]).serve(refused)
        #expect(refused.bytes == [5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0])
        let closed = MemoryConnection([[5, 1, 0] + request("localhost", 1)])
        await gate(["localhost:1"]).serve(closed)
        #expect(closed.bytes == [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0])
    }

    @Test(
        arguments: [
            ([5, 1, 2], [5, 0xFF]), ([5, 0], []), ([5, 1, 0, 5, 2, 0, 1, 127, 0, 0, 1, 0, 80], [5, 0]),
            ([5, 1, 0, 5, 1, 0, 9, 127, 0, 0, 1, 0, 80], [5, 0]),
            ([5, 1, 0, 5, 1, 0, 3, 2, 0xFF, 0xFE, 0, 80], [5, 0]),
            ([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 0], [5, 0]), ([5, 1, 0, 4, 1, 0, 1, 127, 0, 0, 1, 0, 80], [5, 0]),
        ] as [([UInt8], [UInt8])])
    func `what is no request for a tunnel is refused`(bytes: [UInt8], begin: [UInt8]) async {
        let connection = MemoryConnection([bytes], closesAtOnce: true)
        await gate(["*:*", "127.0.0.1:*"]).serve(connection)
        #expect(connection.bytes.starts(with: begin))
        #expect(!connection.bytes.starts(with: [5, 0, 5, 0]))
    }
}
