import Testing

@testable import Toolset

@Suite struct GlobPatternTests {
    @Test(arguments: [
        ("*", "a", true), ("*", "a/b", false), ("**", "a/b/c", true), ("**/*", "a", true), ("**/c", "a/b/c", true),
        ("a/**/c", "a/c", true), ("a/**/c", "a/b/b/c", true), ("a/**/c", "b/c", false), ("a/**", "a/b", true),
        ("?", "é", true), ("?", "ab", false), ("a*b*c", "aXbYc", true), ("a*b*c", "aXcYb", false),
        ("*.{a,b}", "x.b", true),
        ("{a,b/{c,d}}", "b/d", true), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false), ("[^a-c]x", "dx", true),
        ("[]]", "]", true), ("[", "[", true), (#"\[id\].ts"#, "[id].ts", true), (#"\*"#, "a", false),
        (#"\{a,b\}"#, "{a,b}", true),
        ("./a", "a", true), ("a//b", "a/b", true), ("**.c", "x.c", true), ("{a", "{a", true), ("{a}", "{a}", true),
        (".*", ".hidden", true), ("*", ".hidden", true),
    ])
    func `a pattern matches whole paths`(pattern: String, path: String, isMatch: Bool) throws {
        #expect(try GlobPattern(pattern).matches(path.split(separator: "/").map(String.init)) == isMatch)
    }

    @Test(arguments: [
        "", "/etc/*", "../*", "a/../../*", "{..,a}/x", "{/etc,a}/*", ".", "a\u{0}",
        String(repeating: "{a,b}", count: 10),
    ])
    func `a pattern that leaves its start or explodes is refused`(pattern: String) {
        #expect(throws: ToolError.self) { try GlobPattern(pattern) }
    }

    @Test func `a long pattern is refused`() {
        #expect(throws: ToolError.self) { try GlobPattern(String(repeating: "a", count: 5000)) }
    }

    @Test func `many stars cost no more than their number`() throws {
        let name = String(repeating: "a", count: 250)
        #expect(try !GlobPattern(String(repeating: "*a", count: 100) + "*b").matches([name]))
        let deep = [String](repeating: "a", count: 60)
        #expect(try !GlobPattern(String(repeating: "**/a/", count: 40) + "b").matches(deep))
    }
}
