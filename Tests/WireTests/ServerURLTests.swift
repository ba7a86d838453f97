import Testing
import Wire

@Suite struct ServerURLTests {
    @Test(arguments: [
        ("https://example.com", "https://example.com"),
        ("HTTPS://Example.COM:443/", "https://example.com"),
        ("http://example.com:80/a/", "http://example.com/a"),
        ("https://example.com:8443/A?b=c", "https://example.com:8443/A?b=c"),
        ("http://[::1]:80/x", "http://[::1]/x"),
        ("https://example.com:0443", "https://example.com"),
    ])
    func `addresses of one server are equal`(given: String, normalized: String) throws {
        #expect(try #require(ServerURL(given)).normalized == normalized)
    }

    @Test(arguments: [
        "", "example.com", "ftp://example.com", "https://", "https:///a", "https://a b", "https://user@example.com",
        "https://user:pw@example.com", "https://example.com#f", "https://example.com:0", "https://example.com:+1",
        "https://example.com:65536", "https://example.com:", "https://exa\\mple.com", "https://[::1", "https://a:b:c",
        "https://exämple.com", "https://a%2eb", "https://example.com/\n",
    ])
    func `what is no address is refused`(text: String) {
        #expect(ServerURL(text) == nil)
    }
}
