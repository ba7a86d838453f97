import Testing

@testable import Toolset

@Suite struct SearchExpressionTests {
    @Test(arguments: [
        ("let", "a let b", true), ("^let", "a let", false), ("b$", "a b", true), ("^$", "", true), ("^$", "x", false),
        (#"let \w+ = \d{2}"#, "let two = 22", true), (#"\d{3}"#, "22", false), (#"\s"#, "a\tb", true),
        (#"\bcat\b"#, "a cat.", true), (#"\bcat\b"#, "concat", false), (#"\Bcat"#, "concat", true),
        (#"\<cat\>"#, "a cat", true), ("a|b|", "", true), ("(?:ab)+c", "ababc", true),
        ("(?<name>x)(?P<n>y)", "xy", true),
        ("(?i)HeLLo", "hello", true), ("(?i:h)ELLO", "hELLO", true), ("(?i:h)ELLO", "hello", false),
        ("(?i)ÄÖ", "äö", true), ("^.$", "é", true), ("^..$", "é", false), ("[äö]", "ö", true), ("^[^ä]$", "ö", true),
        (#"[\]a]"#, "]", true), ("[]a]", "]", true), (#"[\^a]"#, "b", false), (#"[a\-z]"#, "m", false),
        ("[[:alpha:]_]+[[:digit:]]", "ab_1", true), ("[a-]", "-", true), (#"[^\s"]"#, "\" ", false),
        (#"[\s\S]"#, "x", true), (#"[^\S\r\n]"#, " ", true), (#"[^\S\r\n]"#, "x", false),
        (#"\x41\u{e9}\u00e9"#, "Aéé", true),
        ("a*?b", "aab", true), ("a++", "aa", true), ("func main() {", "func main {", true), ("x{,3}", "x{,3}", true),
        (#"interface\{\}"#, "interface{}", true), ("a{2,3}$", "aaaa", true), ("^a{2,3}$", "aaaa", false),
        ("a]", "a]", true),
        (#"\.swift\z"#, "a.swift", true), (#"C:\\x"#, #"C:\x"#, true), (#"\/\"\'"#, #"/"'"#, true), ("🙂+", "🙂🙂", true),
    ])
    func `what people write means what they mean`(pattern: String, line: String, isMatch: Bool) throws {
        #expect(try SearchExpression(pattern).matches(line) == isMatch)
    }

    @Test(arguments: [
        "", "(", ")", "[", "[a", "a{2,1}", "(?=x)", "(?<!x)", #"(a)\1"#, #"\k<a>"#, "*a", "a**********", #"a\"#,
        "[z-a]",
        "[[:nothing:]]", #"\q"#, #"a\nb"#, #"\xzz"#, "(?<name", "(?x)a", "a{2000}", "((a{1000}){1000}){1000}",
    ])
    func `what cannot work is refused with a reason`(pattern: String) {
        let error = #expect(throws: ToolError.self) { try SearchExpression(pattern) }
        #expect(error?.message.isEmpty == false)
    }

    @Test func `long and deep expressions are refused`() {
        for text in [String(repeating: "(", count: 3000), String(repeating: "a", count: 5000)] {
            #expect(throws: ToolError.self) { try SearchExpression(text) }
        }
    }

    @Test(arguments: [
        "((a?){1,255}){1,12}c", "(a|b)*a(a|b){50}c", "(x+x+)+y", "(a*)*c", "((((){1000}){1000}){1000}){1000}c",
    ])
    func `no expression makes a search explode`(pattern: String) throws {
        let expression = try SearchExpression(pattern)
        var random = Seeded(seed: 7)
        for _ in 0..<5 {
            let line = (0..<500).map { _ in Bool.random(using: &random) ? "a" : "b" }.joined()
            #expect(!expression.matches(line))
        }
    }

    @Test func `bytes that are not UTF-8 are searched around`() throws {
        let line: [UInt8] = [0xFF, 0x61, 0xC3, 0x62]
        let finds = { (pattern: String) throws -> Bool in
            let expression = try SearchExpression(pattern)
            return line.withUnsafeBytes { expression.matches($0) }
        }
        #expect(try finds("a"))
        #expect(try finds("b$"))
        #expect(try !finds("a.b"))
    }

    @Test(arguments: UInt64(1)...200) func `any text is an expression or an error`(seed: UInt64) {
        var random = Seeded(seed: seed)
        let parts = [
            "(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "\\", "^", "$", "a", "1", ",", "-", ":", "é", "(?", "{2",
        ]
        let text = (0..<20).map { _ in parts[Int.random(in: 0..<parts.count, using: &random)] }.joined()
        if let expression = try? SearchExpression(text) { _ = expression.matches("aé1-,a{2}") }
    }

    @Test(arguments: UInt64(1)...100) func `a set and its inverse share nothing and leave nothing out`(seed: UInt64) {
        var random = Seeded(seed: seed)
        let set = ScalarSet(
            (0..<5).map { _ in
                let low = UInt32.random(in: 0...ScalarSet.last, using: &random)
                return low...UInt32.random(in: low...ScalarSet.last, using: &random)
            })
        #expect(set.inverted.inverted == set)
        #expect(set.union(set.inverted).ranges == [0...ScalarSet.last])
    }
}
