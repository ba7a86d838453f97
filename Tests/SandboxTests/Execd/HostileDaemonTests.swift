import ExecdProtocol
import Sandbox
import TestSupport
import Testing

@Suite struct HostileDaemonTests {
    private static func frame(_ kind: UInt8, _ stream: UInt32, _ length: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(kind)
        writer.put(stream)
        writer.put(length)
        return writer.bytes + payload
    }
    private static func bytes(_ messages: (ExecdMessage, UInt32)...) -> [UInt8] {
        messages.flatMap { $0.0.encoded(on: $0.1) }
    }

    private static let violations: [(String, [UInt8])] = [
        ("an unknown kind", frame(99, 0, 0)),
        ("a frame over the limit", frame(FrameKind.output.rawValue, 1, 2 << 20)),
        ("a message of the worker", frame(FrameKind.shutdown.rawValue, 0, 0)),
        ("bytes after the last field", frame(FrameKind.ping.rawValue, 0, 9, [UInt8](repeating: 0, count: 9))),
        ("a truncated field", frame(FrameKind.window.rawValue, 2, 2, [0, 0])),
        ("a second greeting", bytes((.helloAck(FakeDaemon.greeting), 0))),
        ("a pong that nobody asked for", bytes((.pong(1), 0))),
        ("an opened that nobody asked for", bytes((.opened, 1))),
        ("a result on a new stream", bytes((.result(.success("x")), 1))),
        ("a result on an even stream", bytes((.result(.success("x")), 2))),
        ("a fault on a new stream", bytes((.fault(Fault(.failed, "x")), 9))),
        ("an open on an odd stream", bytes((.open, 3))),
        ("an open on stream zero", bytes((.open, 0))),
        ("an open that was used before", bytes((.open, 4), (.open, 4))),
        ("an open that goes back", bytes((.open, 4), (.open, 2))),
        ("data on a stream that is not open", bytes((.data([1]), 2))),
        ("a reset of a stream of the worker", bytes((.reset(.refused), 1))),
        ("an end on stream zero", bytes((.end, 0))),
        ("a second end", bytes((.open, 2), (.end, 2), (.end, 2))),
        ("data after the end", bytes((.open, 2), (.end, 2), (.data([1]), 2))),
        (
            "data beyond the credit",
            bytes((.open, 2), (.data([UInt8](repeating: 0, count: ProtocolLimits.initialWindow + 1)), 2))
        ),
        ("too much credit", bytes((.open, 2), (.window(.max), 2))),
        ("a fragment without end", frame(FrameKind.result.rawValue, 1, 1, [1])),
        (
            "fragments of two kinds",
            frame(FrameKind.result.rawValue, 1, 2, [1, 0]) + frame(FrameKind.journalEntry.rawValue, 1, 2, [1, 0])
        ),
    ]

    @Test(arguments: violations.map(\.0))
    func `a violation closes the connection and fails what comes`(name: String) async throws {
        let bytes = try #require(Self.violations.first { $0.0 == name }?.1)
        let peer = try FakeDaemon()
        let client = try await peer.connect(gate: WaitingGate())
        peer.say(bytes: bytes)
        #expect(await client.closed()?.code == .protocolViolation)
        let error = await #expect(throws: SandboxError.self) { _ = try await client.bash("true", id: "a") }
        #expect(error?.code == .protocolViolation)
        await client.detach()
    }

    @Test(arguments: [ExecdMessage.journalEnd, .putDone, .journalEntry(id: "a", result: nil)])
    func `an answer that does not fit fails all that waits`(message: ExecdMessage) async throws {
        let peer = try FakeDaemon()
        let client = try await peer.connect()
        async let first = DaemonRig.failure { () throws(SandboxError) in try await client.bash("true", id: "a") }
        async let second = DaemonRig.failure { () throws(SandboxError) in try await client.bash("true", id: "b") }
        var seen = 0
        while seen < 2 {
            _ = try await peer.hear { _, message in message.kind == .call }
            seen += 1
        }
        peer.say(message, on: 1)
        #expect(await [first, second] == [.protocolViolation, .protocolViolation])
        await client.detach()
    }

    @Test func `a greeting of another version is a violation`() async throws {
        let peer = try FakeDaemon(greets: false)
        var greeting = FakeDaemon.greeting
        greeting.version = 2
        let error = await #expect(throws: SandboxError.self) {
            try await peer.connect(answer: .helloAck(greeting))
        }
        #expect(error?.code == .protocolViolation)
    }

    @Test func `a greeting that nobody asked for is a violation`() async throws {
        let peer = try FakeDaemon(greets: false)
        peer.say(.helloAck(FakeDaemon.greeting))
        peer.say(.helloAck(FakeDaemon.greeting))
        let code = await DaemonRig.code(of: { try await peer.connect().closed() })
        #expect(code == .protocolViolation)
    }

    @Test func `a fault instead of a greeting is told`() async throws {
        let peer = try FakeDaemon(greets: false)
        let fault: ExecdMessage = .fault(Fault(.violation, "protocol version 1 is not 2"))
        let error = await #expect(throws: SandboxError.self) { try await peer.connect(answer: fault) }
        #expect(error?.code == .protocolViolation && error?.message == "protocol version 1 is not 2")
    }

    @Test func `frames on a finished stream are ignored`() async throws {
        let peer = try FakeDaemon()
        let client = try await peer.connect()
        async let result = client.bash("true", id: "a")
        _ = try await peer.hear { stream, _ in stream == 1 }
        peer.say(.result(.success("one")), on: 1)
        peer.say(.result(.success("two")), on: 1)
        peer.say(.output([1]), on: 1)
        #expect(try await result.text == "one")
        async let journal = client.journal()
        _ = try await peer.hear { stream, _ in stream == 3 }
        peer.say(.journalEnd, on: 3)
        #expect(try await journal.isEmpty)
        await client.detach()
    }

    @Test func `a journal without end is a violation`() async throws {
        let peer = try FakeDaemon()
        let client = try await peer.connect()
        async let journal = DaemonRig.failure { () throws(SandboxError) in try await client.journal() }
        _ = try await peer.hear { stream, _ in stream == 1 }
        var bytes: [UInt8] = []
        for number in 0...100_000 {
            ExecdMessage.journalEntry(id: "\(number)", result: nil).encode(on: 1, into: &bytes)
        }
        peer.say(bytes: bytes)
        #expect(await journal == .protocolViolation)
        await client.detach()
    }

    @Test(arguments: [ExecdMessage.ping(1), .open])
    func `a daemon that asks without reading the answers is closed`(message: ExecdMessage) async throws {
        let peer = try FakeDaemon()
        let client = try await peer.connect()
        var bytes: [UInt8] = []
        for number in 1...200_000 as ClosedRange<UInt32> {
            message.encode(on: message == .open ? number * 2 : 0, into: &bytes)
        }
        peer.say(bytes: bytes)
        #expect(await client.closed()?.code == .protocolViolation)
        await client.detach()
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `random and damaged frames end in order`(seed: UInt64) async throws {
        var random = SeededBits(seed: seed)
        for _ in 0..<20 {
            let peer = try FakeDaemon()
            let client = try await peer.connect(gate: WaitingGate())
            async let result = try? client.bash("true", id: "a")
            var bytes = Self.bytes(
                (.ping(1), 0), (.open, 2), (.data([1, 2, 3]), 2), (.callAccepted(.started), 1), (.output([4, 5]), 1),
                (.result(.success("fine")), 1), (.end, 2))
            for _ in 0..<3 {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                bytes[index] = UInt8.random(in: 0 ... .max, using: &random)
            }
            peer.say(bytes: bytes)
            peer.hangUp()
            _ = await result
            #expect(await client.closed() != nil, "seed \(seed)")
            await client.detach()
        }
    }
}
