import Testing

@testable import Worker

@Suite struct SSEParserTests {
    private func parse(_ text: String) throws -> [SSEFrame] {
        var parser = SSEParser()
        return try parser.parse(Array(text.utf8))
    }
    private func frame(_ event: String, _ data: String) -> SSEFrame { SSEFrame(event: event, data: Array(data.utf8)) }

    @Test func `reads frames with any line ending`() throws {
        let expected = [frame("a", "1"), frame("b", "2\n3")]
        #expect(try parse("event: a\ndata: 1\n\nevent: b\ndata: 2\ndata: 3\n\n") == expected)
        #expect(try parse("event: a\r\ndata: 1\r\n\r\nevent: b\r\ndata: 2\r\ndata: 3\r\n\r\n") == expected)
        #expect(try parse("event: a\rdata: 1\r\revent: b\rdata: 2\rdata: 3\r\r") == expected)
    }

    @Test func `skips comments, unknown fields, a byte order mark and frames without data`() throws {
        #expect(try parse("\u{FEFF}: hi\nevent:x\nid: 7\nretry: 1\n\nnonsense\ndata:y\n\n") == [frame("", "y")])
    }

    @Test func `takes off one space only and keeps colons`() throws {
        #expect(try parse("data:  a: b\ndata\n\n") == [frame("", " a: b\n")])
    }

    @Test func `an unfinished frame is not given out`() throws {
        #expect(try parse("event: a\ndata: 1\n").isEmpty)
    }

    @Test func `lines and frames over the limit are refused`() throws {
        var lines = SSEParser(limit: 16)
        #expect(throws: SSEError.tooLong(limit: 16)) { try lines.parse([UInt8](repeating: 0x61, count: 17)) }
        var frames = SSEParser(limit: 16)
        #expect(throws: SSEError.tooLong(limit: 16)) {
            try frames.parse(Array("data: 12345678\ndata: 12345678\n".utf8))
        }
    }

    @Test(arguments: UInt64(1)...50) func `any split gives the same frames`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "event: é", "data: x", "data:", ":c", "\n", "\r", "\r\n", "\n\n", "junk", "data: {\"a\":1}", "event",
        ]
        let text = (0..<200).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }.joined()
        let bytes = Array(text.utf8)
        var whole = SSEParser()
        let expected = try whole.parse(bytes)
        var parser = SSEParser()
        var frames: [SSEFrame] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int.random(in: 0...7, using: &random))
            frames += try parser.parse(Array(bytes[start..<end]))
            start = end
        }
        #expect(frames == expected)
    }

    @Test(arguments: UInt64(1)...20) func `any bytes are survived`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var parser = SSEParser(limit: 64)
        for _ in 0..<200 {
            let chunk = (0..<8).map { _ in
                [UInt8.random(in: 0...255, using: &random), 0x0A, 0x3A][Int(random.next() % 3)]
            }
            _ = try? parser.parse(chunk)
        }
    }
}
