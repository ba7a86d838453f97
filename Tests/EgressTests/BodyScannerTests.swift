import Testing

@testable import Egress

@Suite struct BodyScannerTests {
    private static let chunked = Array("4;x=y\r\nWiki\r\n00a\r\n0123456789\r\n0\r\nA: b\r\n\r\n".utf8)

    @Test func `a body ends where its framing says, however it is cut`() throws {
        let behind = Array("GET http://evil.org/ HTTP/1.1".utf8)
        for (framing, body) in [(BodyFraming.chunked, Self.chunked), (.length(7), Array("abcdefg".utf8)), (.none, [])] {
            for size in 1...(body.count + behind.count) {
                var scanner = BodyScanner(framing)
                var rest = (body + behind)[...]
                var taken = 0
                while !rest.isEmpty {
                    let piece = rest.prefix(size)
                    taken += try scanner.take(piece)
                    rest = rest.dropFirst(size)
                }
                #expect(taken == body.count && scanner.isFinished)
            }
        }
    }

    @Test(arguments: [
        "g\r\n", "\r\n", ";x\r\n", "4\nWiki", "4\r\nWikiXX", "4\r\nWiki\n", "1234567812345678\r\n", "0\r\nA: b\nX",
        "0\r\n\n", "-1\r\n",
        "4\rX",
    ])
    func `a broken chunk is refused`(text: String) {
        var scanner = BodyScanner(.chunked)
        #expect(throws: ProxyRequestError.self) { try scanner.take(Array(text.utf8)[...]) }
    }

    @Test func `lines and trailers without end are refused`() {
        var line = BodyScanner(.chunked)
        #expect(throws: ProxyRequestError.self) {
            try line.take((Array("1;".utf8) + [UInt8](repeating: 0x41, count: 5000))[...])
        }
        var trailer = BodyScanner(.chunked)
        #expect(throws: ProxyRequestError.self) {
            try trailer.take((Array("0\r\n".utf8) + [UInt8](repeating: 0x41, count: 9000))[...])
        }
    }
}
