import ExecdProtocol
import Testing

@testable import Toolset

@Suite struct ExecdProtocolTests {
    private static let messages: [WorkerMessage] = [
        .hello(version: 1, wantsProgress: true), .ping(7), .pong(8), .shutdown, .cancel(id: "a"), .journalRequest,
        .call(id: "c1", input: .bash(command: "ls", restart: false, timeoutMilliseconds: 5)),
        .call(id: "c2", input: .bash(command: nil, restart: true, timeoutMilliseconds: nil)),
        .call(id: "c3", input: .read(path: "p", range: .init(first: 1, last: -1))),
        .call(id: "c4", input: .write(path: "p", content: String(repeating: "x", count: 3_000_000))),
        .call(id: "c5", input: .edit(path: "p", old: "a", new: "b", replaceAll: true)),
        .call(id: "c6", input: .glob(pattern: "*", path: nil)), .call(id: "c7", input: .grep(pattern: "x", path: "y")),
        .call(id: "c8", input: .webFetch(url: "https://a")), .putBegin(path: "/p", mode: 0o755), .putData([1, 2, 3]),
        .putEnd,
        .openPort(80), .data([4]), .window(5), .end, .reset(.refused), .openShell(columns: 80, rows: 24, command: "x"),
        .resize(columns: 1, rows: 2), .configure(Configuration(variables: ["A": "1", "B": ""], authorities: "pem")),
    ]

    @Test(arguments: [1, 333, 4096, 1 << 22]) func `messages survive any cutting of the stream`(piece: Int) throws {
        var bytes: [UInt8] = []
        for (index, message) in Self.messages.enumerated() { message.encode(on: UInt32(index), into: &bytes) }
        if piece == 1 { bytes = Array(bytes.prefix(20_000)) }
        var decoder = MessageDecoder<WorkerMessage>()
        var read: [WorkerMessage] = []
        var start = 0
        while start < bytes.count {
            decoder.feed(Array(bytes[start..<min(start + piece, bytes.count)]))
            while let (_, message) = try decoder.next() { read.append(message) }
            start += piece
        }
        #expect(read == Array(Self.messages.prefix(read.count)))
        #expect(read.count == Self.messages.count || piece == 1)
    }

    @Test(arguments: UInt64(1)...300) func `broken bytes give a message or an error, never more`(seed: UInt64) {
        var random = Seeded(seed: seed)
        var bytes: [UInt8] = []
        for message in Self.messages.shuffled(using: &random).prefix(4) {
            if case .call(_, .write) = message { continue }
            message.encode(on: UInt32.random(in: 0...9, using: &random), into: &bytes)
        }
        for _ in 0..<3 where !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        var decoder = MessageDecoder<WorkerMessage>()
        decoder.feed(bytes)
        var count = 0
        do throws(ProtocolError) {
            while try decoder.next() != nil { count += 1 }
        } catch {}
        #expect(count <= 5, "seed \(seed)")
    }

    @Test func `what one direction must not say is refused`() {
        var bytes: [UInt8] = []
        ExecdMessage.open.encode(on: 2, into: &bytes)
        var decoder = MessageDecoder<WorkerMessage>()
        decoder.feed(bytes)
        #expect(throws: ProtocolError.self) { _ = try decoder.next() }
    }

    private static let answers: [ExecdMessage] = [
        .helloAck(
            HelloAck(
                instance: 9, workDirectory: "/w", outputLimit: 1, defaultTimeoutMilliseconds: 2,
                maximumTimeoutMilliseconds: 3, proxyPort: 4)), .ping(1), .pong(2), .fault(Fault(.denied, "no")),
        .callAccepted(.alreadyRunning), .output([1]), .result(.success("x")),
        .result(CallResult(content: [.image(mediaType: "image/png", bytes: [1, 2]), .text("t")], isError: true)),
        .result(
            CallResult(
                content: [.document(mediaType: "application/pdf", bytes: [UInt8](repeating: 7, count: 2_500_000))],
                isError: false)), .journalEntry(id: "a", result: nil), .journalEntry(id: "b", result: .failure("e")),
        .journalEnd, .putDone, .open, .opened, .data([5]), .window(6), .end, .reset(.tooManyStreams), .configured,
    ]

    @Test(arguments: [777, 1 << 22]) func `answers survive any cutting of the stream`(piece: Int) throws {
        var bytes: [UInt8] = []
        for (index, message) in Self.answers.enumerated() { message.encode(on: UInt32(index), into: &bytes) }
        var decoder = MessageDecoder<ExecdMessage>()
        var read: [ExecdMessage] = []
        for start in stride(from: 0, to: bytes.count, by: piece) {
            decoder.feed(Array(bytes[start..<min(start + piece, bytes.count)]))
            while let (_, message) = try decoder.next() { read.append(message) }
        }
        #expect(read == Self.answers)
    }

    @Test(arguments: UInt64(1)...300) func `random bytes give messages or an error`(seed: UInt64) {
        var random = Seeded(seed: seed)
        var bytes: [UInt8] = []
        for _ in 0..<6 {
            let kind = FrameKind.allCases.randomElement(using: &random) ?? .ping
            let payload = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...2, using: &random) : .random(in: 0...255, using: &random)
            }
            FrameHeader(kind: kind, stream: .random(in: 0...3, using: &random), length: payload.count).append(
                to: &bytes)
            bytes += payload
        }
        var fromWorker = MessageDecoder<WorkerMessage>()
        var fromExecd = MessageDecoder<ExecdMessage>()
        fromWorker.feed(bytes)
        fromExecd.feed(bytes)
        while let next = try? fromWorker.next() { #expect(next.message.encoded(on: 1).count >= FrameHeader.size) }
        while let next = try? fromExecd.next() { #expect(next.message.encoded(on: 1).count >= FrameHeader.size) }
    }
}
