import Egress
import Testing

@Suite struct HostRuleTests {
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
        let rule = try #require(HostRule(rule))
        #expect(rule.matches(try #require(HostName(host))) == expected)
    }

    @Test(arguments: [
        "", ".", "*.", "**", "a*.com", "*.*.com", "https://example.com", "example.com/path", "user@example.com",
        "exa mple.com",
        "example.com:", "example.com:0", "example.com:65536", "example.com:+80", "example..com", "-a.com", "[::1",
        "::1]",
        "[1.2.3.4]", "exämple.com", "a.com\n",
    ])
    func `text that is no rule is refused`(text: String) {
        #expect(HostRule(text) == nil)
    }

    @Test(arguments: [("example.com:8443", 8443), ("127.0.0.1:80", 80), ("[::1]:9", 9), ("*:443", 443)])
    func `a rule may name its port`(text: String, port: Int) throws {
        let rule = try #require(HostRule(text))
        #expect(rule.port == port)
        #expect(rule.description == text.replacing("[::1]", with: "[0:0:0:0:0:0:0:1]"))
    }

    @Test func `only a rule that names the address opens what is not public`() throws {
        let literal = try #require(HostRule("10.0.0.1"))
        let name = try #require(HostRule("internal.example"))
        let any = try #require(HostRule("*"))
        let localhost = try #require(HostRule("localhost"))
        #expect(literal.covers(.private) && literal.covers(.loopback))
        #expect(!name.covers(.private) && !name.covers(.loopback) && name.covers(.public))
        #expect(!any.covers(.private) && !any.covers(.loopback) && any.covers(.public))
        #expect(localhost.covers(.loopback) && !localhost.covers(.private))
        for rule in [literal, name, any, localhost] {
            #expect(!rule.covers(.linkLocal) && !rule.covers(.metadata) && !rule.covers(.multicast))
        }
    }
}
