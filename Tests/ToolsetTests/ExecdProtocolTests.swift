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
        .openPort(80), .data([4]), .window(5), .end, .reset(.refused),
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
}

@Suite struct TextSanitizerTests {
    @Test(arguments: [
        ("plain\ttext\n", "plain\ttext\n"), ("\u{1B}[31mred\u{1B}[0m", "red"), ("\u{1B}]0;title\u{7}x", "x"),
        ("a\u{8}b\u{0}c", "abc"),
    ])
    func `escapes and control characters go`(input: String, clean: String) {
        var sanitizer = TextSanitizer()
        var output: [UInt8] = []
        for byte in input.utf8 { sanitizer.clean([byte], into: &output) }
        #expect(String(decoding: output, as: UTF8.self) == clean)
    }

    @Test(arguments: UInt64(1)...100) func `the output is always UTF-8, however it is cut`(seed: UInt64) {
        var random = Seeded(seed: seed)
        let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
        var whole: [UInt8] = []
        var pieces: [UInt8] = []
        var first = TextSanitizer()
        first.clean(bytes, into: &whole)
        var second = TextSanitizer()
        for byte in bytes { second.clean([byte], into: &pieces) }
        #expect(whole == pieces, "seed \(seed)")
        #expect(String(validating: whole, as: UTF8.self) != nil)
    }
}
