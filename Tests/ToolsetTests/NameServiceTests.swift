import CLinux
import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

/// Look-ups and connections of programs that know no proxy, with a real daemon; the test is its worker.
@Suite(.timeLimit(.minutes(2))) struct NameServiceTests {
    /// Ports of the loopback that nothing uses.
    private static func freePort() throws -> UInt16 {
        let socket = try Descriptor(opened: clinux_listen_loopback(0), "listen")
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.raw, $0, &length) }
        }
        try #require(result == 0)
        return UInt16(bigEndian: address.sin_port)
    }

    private static func connect(_ address: UInt32, _ port: UInt16, _ kind: __socket_type) throws -> Descriptor {
        let socket = try Descriptor(opened: Glibc.socket(AF_INET, Int32(kind.rawValue), 0), "socket")
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        target.sin_addr.s_addr = address.bigEndian
        let result = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0, "connect: \(errno)")
        return socket
    }

    private static let loopback: UInt32 = 0x7F00_0001

    /// What the daemon asks its gate for next, on which stream.
    private func question(_ rig: DaemonRig) throws -> (stream: UInt32, bytes: [UInt8]) {
        let (stream, opening) = try rig.receive()
        #expect(opening == .open)
        guard case (stream, .data(let bytes)) = try rig.receive() else { throw ProtocolError.invalidField("data") }
        return (stream, bytes)
    }

    private func asks(_ rig: DaemonRig, for name: String) throws -> UInt32 {
        let (stream, bytes) = try question(rig)
        #expect(bytes == GateQuestion.bytes(of: name))
        guard case (stream, .end) = try rig.receive() else { throw ProtocolError.invalidField("end") }
        return stream
    }

    @Test func `an allowed name gets an address of its own, and connections to it become tunnels`() throws {
        let (namePort, port) = (try Self.freePort(), try Self.freePort())
        let rig = try DaemonRig(options: ["--name-port", "\(namePort)"])
        let resolver = try Self.connect(Self.loopback, namePort, SOCK_DGRAM)
        try resolver.write(NameTests.query("Open.example"))
        // The other half of a look-up waits for the same answer.
        try resolver.write(NameTests.query("open.example", id: 7))
        try rig.send(
            .data([0, 1, UInt8(port >> 8), UInt8(port & 0xFF)]), on: try asks(rig, for: "open.example"))
        let answers = try [resolver.read(upTo: 512), resolver.read(upTo: 512)]
        let address = answers[0].suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        #expect(address >> 22 == 0x7F40_0000 >> 22)
        #expect(answers[1].suffix(4) == answers[0].suffix(4) && answers[1].prefix(2) == [0, 7])

        let program = try Self.connect(address, port, SOCK_STREAM)
        let (stream, request) = try question(rig)
        #expect(
            String(decoding: request, as: UTF8.self)
                == "CONNECT open.example:\(port) HTTP/1.1\r\nHost: open.example:\(port)\r\n\r\n")
        try rig.send(.data(Array("HTTP/1.1 200 Fine\r\n\r\nhe".utf8)), on: stream)
        try rig.send(.data(Array("llo".utf8)), on: stream)
        var heard: [UInt8] = []
        while heard.count < 5 { heard += try program.read(upTo: 5) }
        #expect(String(decoding: heard, as: UTF8.self) == "hello")
        try program.write(Array("abc".utf8))
        while true {
            let next = try rig.receive()
            if case .window = next.message { continue }
            #expect(next.stream == stream && next.message == .data(Array("abc".utf8)))
            break
        }

        // A refusal that the program would not understand ends its connection.
        let refused = try Self.connect(address, port, SOCK_STREAM)
        let second = try question(rig)
        try rig.send(.data(Array("HTTP/1.1 403 Forbidden\r\n\r\nno".utf8)), on: second.stream)
        #expect((try? refused.read(upTo: 16)) ?? [] == [])
    }

    @Test func `a denied name does not exist, what nobody can answer fails, and some names are never asked for`() throws
    {
        let namePort = try Self.freePort()
        let rig = try DaemonRig(options: ["--name-port", "\(namePort)"])
        let resolver = try Self.connect(Self.loopback, namePort, SOCK_DGRAM)
        func code(_ name: String, kind: UInt16 = 1, _ meanwhile: () throws -> Void = {}) throws -> (UInt8, [UInt8]) {
            try resolver.write(NameTests.query(name, kind: kind))
            try meanwhile()
            let answer = try resolver.read(upTo: 512)
            return (answer[3] & 15, Array(answer.suffix(4)))
        }
        #expect(
            try code("closed.example") { try rig.send(.data([1]), on: try asks(rig, for: "closed.example")) }.0 == 3)
        #expect(try code("late.example") { try rig.send(.end, on: try asks(rig, for: "late.example")) }.0 == 2)
        #expect(
            try code("gone.example") { try rig.send(.reset(.refused), on: try asks(rig, for: "gone.example")) }.0 == 2)
        #expect(try code("localhost").1 == [127, 0, 0, 1])
        #expect(try code("1.0.0.127.in-addr.arpa", kind: 12).0 == 3)
        #expect(try code("other.example", kind: 28).0 == 0, "no addresses of version 6")
        #expect(try code("lost.example") { try rig.reconnect() }.0 == 2, "a new worker knows nothing of it")
    }

    @Test func `names are told over connections too, however their bytes come`() throws {
        let namePort = try Self.freePort()
        let rig = try DaemonRig(options: ["--name-port", "\(namePort)"])
        let client = try Self.connect(Self.loopback, namePort, SOCK_STREAM)
        let query = NameTests.query("localhost")
        for byte in [0, UInt8(query.count)] + query { try client.write([byte]) }
        var answer: [UInt8] = []
        while answer.count < 2 || answer.count < 2 + Int(answer[1]) { answer += try client.read(upTo: 512) }
        #expect(answer.suffix(4) == [127, 0, 0, 1])
        let greedy = try Self.connect(Self.loopback, namePort, SOCK_STREAM)
        try greedy.write([0xFF, 0xFF, 0])
        #expect((try? greedy.read(upTo: 16)) ?? [] == [])
        // The daemon still serves.
        #expect(try rig.bash("echo fine").text.contains("fine"))
    }
}
