import TestSupport
import Testing

@testable import Egress

@Suite struct ProxyRequestTests {
    private func parse(_ head: String) throws -> ProxyRequest {
        try ProxyRequest(parsing: Array(head.utf8))
    }

    @Test func `a CONNECT names host and port`() throws {
        let request = try parse("CONNECT Example.COM:443 HTTP/1.1\r\nHost: other.org\r\n\r\n")
        #expect(request.form == .tunnel && request.host == .name("example.com") && request.port == 443)
        let address = try parse("CONNECT [::1]:80 HTTP/1.0\r\n\r\n")
        #expect(address.host == .address(.v6(1)) && address.port == 80)
    }

    @Test func `a forwarded request reaches its host in origin form and for one request`() throws {
        let request = try parse(
            "GET http://example.com:8080/a%20b?c=d#e HTTP/1.1\r\nHost: evil.org\r\nProxy-Authorization: secret\r\n"
                + "Connection: keep-alive, X-Gone\r\nx-gone: 1\r\nAccept: \t*/* \r\nKeep-Alive: 5\r\n\r\n")
        #expect(request.form == .forward(isSecure: false))
        #expect(
            String(decoding: request.forwardedHead, as: UTF8.self)
                == "GET /a%20b?c=d HTTP/1.1\r\nHost: example.com:8080\r\nAccept: */*\r\nConnection: close\r\n\r\n")
    }

    @Test(arguments: [
        ("http://example.com", "/", 80, "example.com"), ("HTTP://example.com?q", "/?q", 80, "example.com"),
        ("https://example.com/x", "/x", 443, "example.com"),
        ("https://[::1]:8443/", "/", 8443, "[0:0:0:0:0:0:0:1]:8443"),
        ("https://example.com:80/", "/", 80, "example.com:80"),
        ("http://example.com#@evil.org", "/", 80, "example.com"),
    ])
    func `an absolute target has host, port and path`(target: String, path: String, port: Int, authority: String) throws
    {
        let request = try parse("GET \(target) HTTP/1.1\r\n\r\n")
        #expect(request.path == path && request.port == port)
        #expect(String(decoding: request.forwardedHead, as: UTF8.self).contains("\r\nHost: \(authority)\r\n"))
    }

    @Test(arguments: [
        "", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET example.com HTTP/1.1\r\n\r\n",
        "CONNECT example.com HTTP/1.1\r\n\r\n",
        "CONNECT http://example.com:80 HTTP/1.1\r\n\r\n", "CONNECT example.com:443/ HTTP/1.1\r\n\r\n",
        "CONNECT example.com:443 HTTP/1.1\r\nContent-Length: 1\r\n\r\n", "GET http://a.com/ HTTP/2\r\n\r\n",
        "GET  http://a.com/ HTTP/1.1\r\n\r\n", "GET http://a.com/ b HTTP/1.1\r\n\r\n",
        "GET http://user@a.com/ HTTP/1.1\r\n\r\n",
        "GET http://a.com\\@b.com/ HTTP/1.1\r\n\r\n", "GET http:///x HTTP/1.1\r\n\r\n",
        "GET ftp://a.com/ HTTP/1.1\r\n\r\n",
        "GET http://a.com:99999/ HTTP/1.1\r\n\r\n", "G(T http://a.com/ HTTP/1.1\r\n\r\n",
        "GET http://a.com/ HTTP/1.1\r\nA : b\r\n\r\n", "GET http://a.com/ HTTP/1.1\r\n folded\r\n\r\n",
        "GET http://a.com/ HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET http://a.com/ HTTP/1.1\r\nA: b\nB: c\r\n\r\n",
        "GET http://a.com/ HTTP/1.1\r\nA: b\rc\r\n\r\n", "GET http://a.com/ HTTP/1.1\r\nA: b\0\r\n\r\n",
        "GET http://a.com/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET http://a.com/ HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n",
        "GET http://a.com/ HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        "GET http://a.com/ HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
        "GET http://a.com/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "GET http://ä.com/ HTTP/1.1\r\n\r\n",
    ])
    func `what two servers could read differently is refused`(head: String) {
        #expect(throws: ProxyRequestError.self) { try parse(head) }
    }

    @Test func `the framing of the body stays whatever Connection names`() throws {
        let request = try parse(
            "POST http://a.com/ HTTP/1.1\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\n")
        #expect(request.body == .length(3))
        #expect(String(decoding: request.forwardedHead, as: UTF8.self).contains("Content-Length: 3\r\n"))
    }

    @Test func `the head ends at the empty line wherever the pieces break`() throws {
        let head = Array("GET http://a.com/ HTTP/1.1\r\nA: b\r\n\r\n".utf8)
        for split in 0..<head.count {
            #expect(try ProxyRequest.headLength(Array(head[..<split])) == nil)
            #expect(try ProxyRequest.headLength(head + [1, 2], searched: split) == head.count)
        }
    }

    @Test func `a head without end is refused at 32 KiB`() {
        #expect(throws: ProxyRequestError.tooLong) {
            try ProxyRequest.headLength([UInt8](repeating: 0x41, count: ProxyRequest.maximumHead))
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `random and damaged heads give a request or an error`(seed: UInt64) {
        var random = SeededBits(seed: seed)
        let sound = Array(
            "POST https://user.example.com:443/p?q HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: x\r\n\r\n".utf8
        )
        for _ in 0..<2000 {
            var head = sound
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<head.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: head[index] = UInt8.random(in: 0 ... .max, using: &random)
                case 1: head.remove(at: index)
                default: head.insert(UInt8.random(in: 0 ... .max, using: &random), at: index)
                }
            }
            guard let request = try? ProxyRequest(parsing: head) else { continue }
            // What is sent on is one head, whatever came in.
            let sent = request.form == .tunnel ? sound : request.forwardedHead
            #expect((try? ProxyRequest.headLength(sent)) == sent.count, "seed \(seed)")
        }
    }
}
