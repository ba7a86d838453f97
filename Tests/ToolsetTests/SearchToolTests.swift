import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

@Suite struct SearchToolTests {
    private func tree() throws -> ToolRig {
        let rig = try ToolRig()
        for (path, text) in [
            ("a.swift", "let one = 1\nlet two = 22\n"), ("src/b.swift", "func look() {}\n"),
            ("src/deep/c.txt", "one\nTWO\n"),
            (".git/config", "let hidden = 1\n"), ("binary", "let\u{0}x"),
        ] {
            try rig.put(text, at: path)
        }
        symlink(rig.folder + "/outside", rig.work + "/door")
        try? rig.put("let outside = 1", at: "unused")
        return rig
    }

    @Test(arguments: [
        ("**/*.swift", ["a.swift", "src/b.swift"]), ("*.swift", ["a.swift"]),
        ("src/**", ["src/b.swift", "src/deep/c.txt"]),
        ("**/c.*", ["src/deep/c.txt"]), ("{a,src/b}.swift", ["a.swift", "src/b.swift"]),
        ("src/?.swift", ["src/b.swift"]),
        ("[ab].swift", ["a.swift"]), ("nothing", []),
    ])
    func `glob finds by pattern`(pattern: String, expected: [String]) throws {
        let rig = try tree()
        let text = try rig.text(.glob(pattern: pattern, path: nil))
        let found =
            text == "no matches" ? [] : text.split(separator: "\n").map { String($0.dropFirst(rig.work.count + 1)) }
        #expect(Set(found) == Set(expected))
    }

    @Test func `glob shows the newest first`() throws {
        let rig = try tree()
        var times = [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)]
        utimes(rig.work + "/a.swift", &times)
        #expect(try rig.text(.glob(pattern: "**/*.swift", path: nil)).hasSuffix("/a.swift"))
    }

    @Test(arguments: ["/etc/*", "../*", "a/../../*", "", "{" + (0..<100).map(String.init).joined(separator: ",") + "}"])
    func `patterns that leave the folder or explode are refused`(pattern: String) throws {
        #expect(try tree().run(.glob(pattern: pattern, path: nil)).isError)
    }

    @Test func `grep gives path, line and text, and leaves binaries and .git out`() throws {
        let rig = try tree()
        #expect(
            try rig.text(.grep(pattern: #"let \w+ = \d{2}"#, path: nil)) == "\(rig.work)/a.swift:2:let two = 22")
        #expect(try rig.text(.grep(pattern: "let", path: nil)).split(separator: "\n").count == 3)
        #expect(try rig.text(.grep(pattern: "(?i)two$", path: "src")) == "\(rig.work)/src/deep/c.txt:2:TWO")
        #expect(try rig.text(.grep(pattern: "^one$", path: "src/deep/c.txt")) == "\(rig.work)/src/deep/c.txt:1:one")
        #expect(try rig.text(.grep(pattern: "absent", path: nil)) == "no matches")
    }

    @Test(arguments: ["(", "[", "a{2,1}", "(?=x)", ""])
    func `expressions that cannot work are refused`(pattern: String) throws {
        #expect(try tree().run(.grep(pattern: pattern, path: nil)).isError)
    }

    @Test(arguments: [
        (#"\d+"#, "[0-9]+"), (#"[\d_]"#, "[0-9_]"), (#"[\w]"#, "[[:alnum:]_]"), ("(?:ab)+", "(ab)+"), (#"\."#, #"\."#),
        ("[]a]", "[]a]"),
    ])
    func `people's shorthands are rewritten`(pattern: String, posix: String) {
        #expect(SearchExpression.translated(pattern) == posix)
    }

    @Test func `a cancelled search ends`() throws {
        let rig = try tree()
        let cancel = try CancelToken()
        cancel.cancel()
        #expect(rig.runner.run(callID: "x", input: .grep(pattern: "a", path: nil), cancel: cancel).isError)
    }
}
