import ExecdProtocol
import Testing

@testable import Toolset

@Suite struct FetchTests {
    @Test(arguments: [
        ("https://a.example", "https://a.example/"), ("HTTP://a.example/x?y#z", "http://a.example/x?y"),
        ("http://a:81?q", "http://a:81/?q"),
    ])
    func `addresses are read`(text: String, canonical: String) throws {
        #expect(try WebAddress(text).text == canonical)
    }

    @Test(arguments: ["", "ftp://a", "http://", "http://u:p@a/", "http://a/ b", "javascript:x", "http://a\r\nX: y/"])
    func `other texts are refused`(text: String) { #expect(throws: ToolError.self) { try WebAddress(text) } }

    @Test(arguments: [
        ("https://b.example/c", "https://b.example/c"), ("//b.example/c", "https://b.example/c"),
        ("/c", "https://a.example/c"),
        ("c", "https://a.example/x/c"),
    ])
    func `redirects are followed as they are meant`(location: String, target: String) throws {
        #expect(try WebAddress("https://a.example/x/y?z").redirected(to: location).text == target)
    }

    @Test func `without a network the tool says so`() throws {
        #expect(try ToolRig().text(.webFetch(url: "https://a.example")).contains("no network"))
    }

    @Test func `answers are taken apart, chunked ones too`() throws {
        let reply = try ProxyExchange.parse(
            Array(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
                    .utf8))
        #expect(reply.status == 200)
        #expect(reply.field("content-type") == "text/plain")
        #expect(String(decoding: reply.body, as: UTF8.self) == "abcde")
        #expect(try ProxyExchange.parse(Array("HTTP/1.1 204 No\r\nContent-Length: 1\r\n\r\nab".utf8)).body == [97])
        for text in ["", "nonsense\r\n\r\n", "HTTP/1.1 x\r\n\r\n"] {
            #expect(throws: ToolError.self) { try ProxyExchange.parse(Array(text.utf8)) }
        }
    }

    @Test func `a page becomes its text`() {
        let html =
            "<html><head><title>t</title></head><body><!-- c --><h1>A &amp; B</h1><script>x<b</script><p>one<br>two &#8364; &#x41;</p><ul><li>i</ul></body>"
        #expect(HTMLText.extract(html) == "A & B\n\none\ntwo € A\n\n- i")
    }

    @Test(arguments: UInt64(1)...50) func `any bytes give some text`(seed: UInt64) {
        var random = Seeded(seed: seed)
        let parts = ["<", ">", "&", "&#x", ";", "<!--", "-->", "<script", "</script>", "<p", "a", "/"]
        let html = (0..<60).map { _ in parts[Int.random(in: 0..<parts.count, using: &random)] }.joined()
        _ = HTMLText.extract(html)
    }
}

struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
