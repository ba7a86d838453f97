import Testing

@testable import Toolset

@Suite struct WebAddressTests {
    @Test(arguments: [
        ("https://a.example", "https://a.example/"), ("HTTP://A.example/x?y#z", "http://a.example/x?y"),
        ("http://a:81?q", "http://a:81/?q"), ("http://[::1]:80/", "http://[::1]:80/"),
        ("http://a/ä|\\", "http://a/%C3%A4%7C%5C"), ("http://a/%20@b", "http://a/%20@b"),
    ])
    func `addresses are read`(text: String, canonical: String) throws {
        #expect(try WebAddress(text).text == canonical)
    }

    @Test(arguments: [
        "", "a", "ftp://a", "http:/a", "http://", "http:///x", "http://:80/", "http://u:p@a/", "http://a/ b",
        "javascript:x",
        "http://a\r\nX: y/", "http://ä/", "http://a\u{301}/",
    ])
    func `other texts are refused`(text: String) { #expect(throws: ToolError.self) { try WebAddress(text) } }

    @Test func `a long address is refused`() {
        #expect(throws: ToolError.self) { try WebAddress("http://a/" + String(repeating: "a", count: 9000)) }
    }

    @Test(arguments: [
        ("https://b.example/c", "https://b.example/c"), ("//b.example/c", "https://b.example/c"),
        ("/c", "https://a.example/c"), ("c", "https://a.example/x/c"), ("?q", "https://a.example/x/y?q"),
        ("../c/./d", "https://a.example/c/d"), ("../../../c", "https://a.example/c"), ("..", "https://a.example/"),
        ("/l?to=http://b/", "https://a.example/l?to=http://b/"), ("#f", "https://a.example/x/y?z"),
    ])
    func `redirects are followed as they are meant`(location: String, target: String) throws {
        #expect(try WebAddress("https://a.example/x/y?z").redirected(to: location).text == target)
    }
}
