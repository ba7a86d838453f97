import TestSupport
import Testing

@testable import Egress

@Suite struct AnswerScannerTests {
    /// How many bytes are the answer, whether its end is known, and whether another may follow.
    private func scan(_ text: String, to method: String = "GET", pieces: Int = 1) -> (Int, Bool, Bool) {
        var scanner = AnswerScanner(to: method)
        var count = 0
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: max(1, bytes.count / pieces)) {
            let piece = Array(bytes[start..<min(bytes.count, start + max(1, bytes.count / pieces))])
            let taken = scanner.take(piece)
            count += taken
            if taken < piece.count { break }
        }
        return (count, scanner.isFinished, scanner.allowsReuse)
    }

    @Test(arguments: [1, 3, 1000])
    func `an answer ends where its framing says`(pieces: Int) {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ] {
            #expect(scan(answer + "HTTP/1.1 404", pieces: pieces) == (answer.utf8.count, true, true), "\(answer)")
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
        #expect(scan(head + "abc", to: "HEAD", pieces: pieces) == (head.utf8.count, true, true))
        #expect(scan("HTTP/1.1 200 OK\r\nConnection: a, Close\r\nContent-Length: 0\r\n\r\n", pieces: pieces).2 == false)
    }

    @Test(arguments: UInt64(1)...20) func `damaged answers are taken whole or end somewhere`(seed: UInt64) {
        var random = SeededBits(seed: seed)
        let sound = Array(
            "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8)
        for _ in 0..<200 {
            var bytes = sound
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            var scanner = AnswerScanner(to: "GET")
            var start = 0
            while start < bytes.count, !scanner.isFinished {
                let end = min(bytes.count, start + Int.random(in: 1...40, using: &random))
                let taken = scanner.take(Array(bytes[start..<end]))
                #expect(scanner.isFinished ? taken <= end - start : taken == end - start, "seed \(seed)")
                start += taken
            }
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n\r\nabc", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabcdef",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcdef",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabcdef",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabcdef",
        "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabcdef",
        "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 3\r\n\r\nabcdef", "HTTP/1.1 101 Yes\r\n\r\nabcdef",
        "nonsense\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    ])
    func `what can be read in two ways ends with the connection`(text: String) {
        let (count, isFinished, _) = scan(text)
        #expect(count == text.utf8.count && !isFinished)
    }
}
