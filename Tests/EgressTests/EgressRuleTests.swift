import Sandbox
import Testing

@testable import Egress

@Suite struct EgressRuleTests {
    @Test(arguments: [
        ("example.com", "example.com", true), ("example.com", "EXAMPLE.com.", true),
        ("example.com", "a.example.com", false),
        ("example.com", "example.com.evil.org", false), ("*.example.com", "a.example.com", true),
        ("*.example.com", "a.b.example.com", true), ("*.example.com", "example.com", false),
        ("*.example.com", "badexample.com", false), ("*", "anything.org", true), ("*", "93.184.216.34", true),
        ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("[::1]", "[0:0::1]", true),
        ("::1", "[::1]", true), ("1.2.3.4", "[::ffff:1.2.3.4]", true), ("*.0.0.1", "127.0.0.1", false),
    ])
    func `a rule matches only the hosts it names`(rule: String, host: String, expected: Bool) throws {
        let rule = try #require(EgressRule(rule))
        #expect(rule.matches(try #require(HostName(host))) == expected)
    }

    @Test(arguments: [
        "", ".", "*.", "**", "a*.com", "*.*.com", "ftp://example.com", "example.com/path", "user@example.com",
        "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/08", "10.0.0.0/", "fd00::/129", "::ffff:10.0.0.0/8", "[10.0.0.0/8",
        "example.com:80-", "example.com:90-80", "example.com:0-5", "deny", "deny ", "allow example.com",
        "get https://example.com/", "GET,, example.com", "CONNECT example.com", "GET  example.com",
        "https://example.com/a?b", "https://example.com/a#b", "https://example.com/../a", "https://example.com//a",
        "https://example.com/%2fa", "https:///a",
        "exa mple.com",
        "example.com:", "example.com:0", "example.com:65536", "example.com:+80", "example..com", "-a.com", "[::1",
        "::1]",
        "[1.2.3.4]", "exämple.com", "a.com\n",
    ])
    func `text that is no rule is refused`(text: String) {
        #expect(EgressRule(text) == nil)
    }

    @Test(arguments: [("example.com:8443", 8443), ("127.0.0.1:80", 80), ("[::1]:9", 9), ("*:443", 443)])
    func `a rule may name its port`(text: String, port: Int) throws {
        let rule = try #require(EgressRule(text))
        #expect(rule.ports == port...port)
        #expect(rule.description == text.replacing("[::1]", with: "[0:0:0:0:0:0:0:1]"))
    }

    @Test func `only a rule that names the address opens what is not public`() throws {
        let literal = try #require(EgressRule("10.0.0.1"))
        let name = try #require(EgressRule("internal.example"))
        let any = try #require(EgressRule("*"))
        let localhost = try #require(EgressRule("localhost"))
        #expect(literal.covers(.private) && literal.covers(.loopback))
        #expect(!name.covers(.private) && !name.covers(.loopback) && name.covers(.public))
        #expect(!any.covers(.private) && !any.covers(.loopback) && any.covers(.public))
        #expect(localhost.covers(.loopback) && !localhost.covers(.private))
        for rule in [literal, name, any, localhost] {
            #expect(!rule.covers(.linkLocal) && !rule.covers(.metadata) && !rule.covers(.multicast))
        }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("[fd00::/8]:443", "[fdff::1]", true), ("fd00::/8", "[fe00::1]", false),
        ("10.0.0.0/8", "[::ffff:10.1.1.1]", true),
        ("10.0.0.0/31", "10.0.0.1", true), ("10.0.0.0/31", "10.0.0.2", false), ("::/0", "1.2.3.4", false),
        ("10.0.0.0/8", "ten.example", false),
    ])
    func `a block holds the addresses that share its first bits`(rule: String, host: String, expected: Bool) throws {
        #expect(try #require(EgressRule(rule)).matches(try #require(HostName(host))) == expected)
    }

    @Test(arguments: [
        "example.com", "*.example.com:8000-8999", "deny *:25", "GET,HEAD https://api.example.com/v1/*",
        "10.0.0.0/8:5432",
        "deny POST http://*/admin", "https://example.com:8443/a*b/c", "*:*",
    ])
    func `a rule is written as it is read`(text: String) throws {
        let rule = try #require(EgressRule(text))
        #expect(rule.description == text)
        #expect(EgressRule(rule.description) == rule)
    }

    @Test(arguments: [
        ("/v1/*", "/v1/", true), ("/v1/*", "/v1/a/b?c=/d", true), ("/v1/*", "/v1", false), ("/v1/*", "/v2/", false),
        ("/a*b/c", "/axxb/c", true), ("/a*b/c", "/ab/c", true), ("/a*b/c", "/axb/cc", false),
        ("/*/x/*/y", "/1/x/2/x/3/y", true),
        ("/a*a", "/a", false), ("/", "/", true), ("/", "/a", false), ("/%7Euser/*", "/~user/a", true),
        ("/~user/*", "/%7euser/a", true), ("/a b".replacing(" ", with: "%20"), "/a%20b", true),
    ])
    func `a pattern covers paths`(pattern: String, path: String, expected: Bool) throws {
        #expect(try #require(EgressRule("https://h.example\(pattern)")?.path).matches(path) == expected)
    }

    @Test(arguments: [
        "/v1/../admin", "/v1/%2e%2e/admin", "/v1/./a", "/v1//a", "/v1/a%2fb", "/v1/a%5Cb", "/v1/a\\b", "/v1/%00",
        "/v1/%zz",
        "/v1/%2", "/v1/a;b", "/v1/..", "/v1/%252e", "v1/",
    ])
    func `a path that servers read differently has no verdict`(path: String) throws {
        #expect(try #require(EgressRule("https://h.example/v1/*")?.path).matches(path) == nil)
    }

    @Test func `a rule about addresses opens them to names that another rule allows`() throws {
        let inside = [try #require(IPAddress("10.1.2.3"))]
        let outside = [try #require(IPAddress("192.168.0.1"))]
        let name = try #require(HostName("db.internal"))
        func reachable(_ rules: [String], _ answers: [IPAddress], port: Int = 443, trusted: [String]? = nil) -> Int {
            let rules = EgressRules(.allow(hosts: rules), trusted: trusted, ports: [443])
            guard case .allowed(let matching) = rules.verdict(on: name, port: port) else { return -1 }
            return rules.reachable(answers, port: port, under: matching).count
        }
        #expect(reachable(["db.internal"], inside) == 0)
        #expect(reachable(["db.internal", "10.0.0.0/8"], inside) == 1)
        #expect(reachable(["db.internal", "10.0.0.0/8"], outside) == 0)
        #expect(reachable(["db.internal:5432", "10.0.0.0/8"], inside, port: 5432) == 0)
        #expect(reachable(["db.internal:5432", "10.0.0.0/8:5432"], inside, port: 5432) == 1)
        #expect(reachable(["10.0.0.0/8"], inside) == -1)
        // Only the operator opens what is not public.
        #expect(reachable(["db.internal", "10.0.0.0/8"], inside, trusted: ["db.internal"]) == 0)
        #expect(reachable(["db.internal", "10.0.0.0/8"], inside, trusted: ["10.0.0.0/8"]) == 1)
        // What is denied is denied by whatever name.
        #expect(reachable(["db.internal", "10.0.0.0/8", "deny 10.1.0.0/16"], inside) == 0)
        let link = [try #require(IPAddress("169.254.169.254"))]
        #expect(reachable(["db.internal", "169.254.0.0/16", "0.0.0.0/0"], link) == 0)
    }
}
