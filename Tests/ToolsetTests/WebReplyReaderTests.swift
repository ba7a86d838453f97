import Testing

@testable import Toolset

@Suite struct WebReplyReaderTests {
    private static let answers = [
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", "HTTP/1.0 404 No\r\nX:y\r\n\r\nall the rest",
        "HTTP/1.1 204 No\r\n\r\n",
        "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx",
    ]

    private func read(_ bytes: [UInt8], piece: Int, limit: Int = 1 << 20) throws(ToolError) -> WebReply {
        var reader = WebReplyReader(bodyLimit: limit)
        var rest = bytes[...]
        while !rest.isEmpty, !reader.isDone {
            try reader.feed(Array(rest.prefix(piece)))
            rest = rest.dropFirst(piece)
        }
        try reader.end()
        return reader.reply
    }

    @Test(arguments: [1, 2, 7, 1000]) func `answers are the same however they are cut`(piece: Int) throws {
        let replies = try Self.answers.map { try read(Array($0.utf8), piece: piece) }
        #expect(replies.map { String(decoding: $0.body, as: UTF8.self) } == ["abcde", "abc", "all the rest", "", "x"])
        #expect(replies.map(\.status) == [200, 200, 404, 204, 200])
        #expect(replies.allSatisfy { !$0.isCut })
        #expect(replies[0].field("content-type") == "text/plain")
    }

    @Test(arguments: [
        "", "nonsense\r\n\r\n", "HTTP/1.1 x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nab",
    ])
    func `what is no answer is an error`(text: String) {
        #expect(throws: ToolError.self) { try read(Array(text.utf8), piece: 4096) }
    }

    @Test func `an endless head is an error`() {
        let text = "HTTP/1.1 200 OK\r\n" + String(repeating: "a", count: 70_000)
        #expect(throws: ToolError.self) { try read(Array(text.utf8), piece: 4096) }
    }

    @Test func `what ends early or is too long is known to be cut`() throws {
        #expect(try read(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab".utf8), piece: 10).isCut)
        #expect(try read(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".utf8), piece: 10).isCut)
        let long = try read(Array("HTTP/1.1 200 OK\r\n\r\nabcdef".utf8), piece: 10, limit: 3)
        #expect(long.isCut)
        #expect(long.body == Array("abc".utf8))
    }

    @Test(arguments: UInt64(1)...300) func `any bytes give an answer or an error`(seed: UInt64) {
        var random = Seeded(seed: seed)
        var bytes = Self.answers.randomElement(using: &random).map { Array($0.utf8) } ?? []
        for _ in 0..<4 {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        _ = try? read(bytes, piece: Int.random(in: 1...20, using: &random))
    }
}
