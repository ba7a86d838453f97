import Testing
import Wire

@testable import Egress

@Suite struct LeakTests {
    private static let aws = "AKIA" + "IOSFODNN7EXAMPLE"
    private static let github = "ghp_" + String(repeating: "a1B2", count: 9)
    private static let anthropic = "sk-ant-" + String(repeating: "aB3-_", count: 8)
    private static let card = "4111 1111 1111 1111"
    private static let rules = LeakKind.allCases.filter(\.canBeRedacted).map { LeakRule(.redact, $0) }

    private func scan(_ text: String, _ rules: [LeakRule] = rules) throws -> String {
        String(decoding: try LeakScanner.scan(Array(text.utf8), rules), as: UTF8.self)
    }

    @Test func `what is known is recognised, and only that is replaced`() throws {
        #expect(
            try scan("a \(Self.aws), \(Self.github); key=\(Self.anthropic)&card=\(Self.card).")
                == "a [redacted:aws_key], [redacted:github_token]; key=[redacted:anthropic_key]&card=[redacted:credit_card]."
        )
        #expect(try scan("3782-822463-10005") == "[redacted:credit_card]")
        #expect(try scan("no. 2 \(Self.card) 123") == "no. 2 [redacted:credit_card] 123", "beside other numbers")
        for text in [
            "X" + Self.aws, Self.aws + "X", "AKIA123", "ghp_short", "sk-ant-short", "4111 1111 1111 1112",
            "94111111111111111", "4111111111111111111111111", "1764369600000", "4111  1111 1111 1111",
        ] { #expect(try scan(text) == text) }
        let keys = [LeakRule(.block, .privateKey)]
        for kind in ["", "RSA ", "EC ", "OPENSSH "] {
            #expect(throws: LeakScanner.Found.rule("private_key")) {
                try scan("x-----BEGIN \(kind)PRIVATE KEY-----\nMII", keys)
            }
        }
        #expect(try scan("-----BEGIN PUBLIC KEY-----", keys) == "-----BEGIN PUBLIC KEY-----")
    }

    @Test(arguments: [1, 2, 7, 300, 5000])
    func `where the pieces of a stream begin makes no difference`(size: Int) throws {
        let filler = String(repeating: "lorem ipsum 12345 ", count: 80)
        let text = filler + Self.aws + " " + filler + Self.card + " " + filler + "Bluebird" + filler + Self.github
        let rules = Self.rules + [try #require(LeakRule(line: "redact project Bluebird"))]
        var scanner = LeakScanner(rules)
        var passed: [UInt8] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            passed += try scanner.take(bytes[start..<min(bytes.count, start + size)])
        }
        passed += try scanner.finish()
        // Not in the expectation itself, which would print all of it.
        let isRight =
            String(decoding: passed, as: UTF8.self) == filler + "[redacted:aws_key] " + filler
            + "[redacted:credit_card] " + filler
            + "[redacted:project]" + filler + "[redacted:github_token]"
        #expect(isRight)
    }

    @Test func `a refusal is stronger than a replacement, and overlapping ones leave nothing`() throws {
        let rules = ["redact one secret-one", "redact two one-two"].compactMap { LeakRule(line: $0) }
        #expect(try scan("a secret-one-two b", rules) == "a [redacted:one] b")
        let mixed = ["redact one secret-one", "block two one-two"].compactMap { LeakRule(line: $0) }
        #expect(throws: LeakScanner.Found.rule("two")) { try scan("a secret-one-two b", mixed) }
    }

    @Test func `lines are rules or none`() {
        for line in [
            "block aws_key", "redact credit_card", "block name some text with blanks", "redact n-1 123456",
        ] { #expect(LeakRule(line: line) != nil, "\(line)") }
        for line in [
            "", "block", "allow aws_key", "block nothing_known", "redact private_key", "block aws_key text-text",
            "block name short", "block Name longenough", "block  longenough",
        ] { #expect(LeakRule(line: line) == nil, "\(line)") }
        let rule = LeakRule(line: "block name never-shown-text")
        #expect("\(String(describing: rule))".contains("never-shown") == false)
    }

    private func request(_ head: String) throws -> ProxyRequest {
        try ProxyRequest(
            parsing: Array(head.utf8), within: ProxyRequest.Tunnel(host: .name("a.example"), port: 443, isSecure: true))
    }

    @Test func `the head of a request is looked through, also behind escapes`() throws {
        var plain = try request(
            "POST /a?key=\(Self.aws) HTTP/1.1\r\nX-Key: \(Self.github)\r\nContent-Length: 4111111111111111\r\n\r\n")
        try plain.removeLeaks(by: Self.rules)
        #expect(plain.path == "/a?key=%5Bredacted:aws_key%5D" && plain.fields[0].value == "[redacted:github_token]")
        #expect(plain.fields[1].value == "4111111111111111", "framing stays what was checked")
        for head in [
            "GET /?k=%41KIA\(Self.aws.dropFirst(4)) HTTP/1.1\r\n\r\n",
            "GET /?card=4111+1111+1111+1111 HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nAuthorization: Basic \(Base64.encode(Array("me:\(Self.github)".utf8)))\r\n\r\n",
            "GET / HTTP/1.1\r\n\(Self.aws): 1\r\n\r\n",
        ] {
            var request = try request(head)
            #expect(throws: LeakScanner.Found.self, "\(head)") { try request.removeLeaks(by: Self.rules) }
        }
        for head in [
            "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n",
            "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        ] {
            var request = try request(head)
            let found = #expect(throws: LeakScanner.Found.self) { try request.removeLeaks(by: Self.rules) }
            #expect(found?.sentence(request.host).contains("cannot read") == true)
            try request.removeLeaks(by: [])
        }
    }

    @Test func `a large body keeps its length where nothing is replaced`() throws {
        let body = [UInt8](repeating: UInt8(ascii: "a"), count: 3 << 20)
        func sent(_ rules: [LeakRule], _ body: [UInt8]) throws -> (head: String, bytes: Int) {
            var request = try request("PUT / HTTP/1.1\r\nContent-Length: \(body.count)\r\n\r\n")
            var passing = RequestBody(&request, swap: [], leaks: rules)
            var bytes = 0
            for start in stride(from: 0, to: body.count, by: 1 << 20) {
                bytes += try passing.take(body[start..<(start + (1 << 20))], of: request).count
            }
            #expect(passing.isFinished)
            return (String(decoding: passing.head(of: request) ?? [], as: UTF8.self), bytes)
        }
        let blocked = try sent([LeakRule(.block, .awsKey)], body)
        #expect(blocked.head.contains("Content-Length: \(body.count)\r\n") && blocked.bytes == body.count)
        let redacted = try sent([LeakRule(.redact, .awsKey)], body)
        #expect(redacted.head.contains("Transfer-Encoding: chunked") && !redacted.head.contains("Content-Length"))
        let leaking = body.dropLast(21) + Array(" \(Self.aws)".utf8)
        #expect(throws: LeakScanner.Found.rule("aws_key")) { try sent([LeakRule(.block, .awsKey)], Array(leaking)) }
    }

    @Test func `environments name known kinds alone`() throws {
        let preferences = try SandboxPreferences(
            metadata: ["perimeter.leak_block": "aws_key,private_key", "perimeter.leak_redact": "credit_card"])
        #expect(preferences.leaksBlocked == [.awsKey, .privateKey] && preferences.leaksRedacted == [.creditCard])
        for (name, value) in [
            ("leak_block", "aws_key,"), ("leak_block", "aws_key,aws_key"), ("leak_redact", "private_key"),
            ("leak_block", ""),
        ] {
            #expect(throws: WireError.self) {
                try SandboxPreferences(metadata: ["perimeter.\(name)": .string(value)])
            }
        }
    }
}
