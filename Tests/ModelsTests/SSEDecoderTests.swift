import Testing

@testable import Models

@Suite struct SSEDecoderTests {
    private func decode(_ text: String) throws -> [String] {
        var decoder = SSEDecoder()
        return try decoder.feed(text.utf8).map { "\($0.event ?? "-"):\(String(decoding: $0.data, as: UTF8.self))" }
    }

    @Test(arguments: ["\n", "\r\n", "\r"])
    func `every line end of the format ends a line`(end: String) throws {
        let text = ["event: a", "data: 1", "data:2", "", ": comment", "data", "", ""].joined(separator: end)
        #expect(try decode(text) == ["a:1\n2", "-:"])
    }

    @Test func `a byte order mark, unknown fields and events without data are passed over`() throws {
        #expect(try decode("\u{FEFF}data: x\nid: 4\nretry: 10\n\nevent: lonely\n\ndata: y\n\n") == ["-:x", "-:y"])
    }

    @Test func `an unfinished event is not delivered`() throws {
        #expect(try decode("data: x\n") == [])
    }

    @Test func `an event above the limit is refused whether it is one line or many`() throws {
        var one = SSEDecoder(maximumEventBytes: 64)
        #expect(throws: SSEDecoder.TooLong(limit: 64)) { try one.feed(repeatElement(UInt8(ascii: "x"), count: 100)) }
        var many = SSEDecoder(maximumEventBytes: 64)
        #expect(throws: SSEDecoder.TooLong(limit: 64)) {
            try many.feed(Array(String(repeating: "data: 12345678\n", count: 10).utf8))
        }
    }
}
