import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

@Suite struct SearchToolTests {
    private func tree() throws -> ToolRig {
        let rig = try ToolRig()
        for (path, text) in [
            ("a.swift", "let one = 1\nlet two = 22\n"), ("src/b.swift", "func look() {}\n"),
            ("src/deep/c.txt", "one\nTWO\n"), (".git/config", "let hidden = 1\n"), ("binary", "let\u{0}x"),
            ("node_modules/m.js", "let module\n"),
        ] {
            try rig.put(text, at: path)
        }
        symlink(rig.folder + "/outside", rig.work + "/door")
        mkfifo(rig.work + "/pipe.swift", 0o644)
        return rig
    }

    @Test(arguments: [
        ("**/*.swift", ["a.swift", "src/b.swift"]), ("*.swift", ["a.swift"]),
        ("src/**", ["src/b.swift", "src/deep/c.txt"]), ("**/c.*", ["src/deep/c.txt"]),
        ("{a,src/b}.swift", ["a.swift", "src/b.swift"]), ("src/?.swift", ["src/b.swift"]), ("[ab].swift", ["a.swift"]),
        ("door/*", []), ("nothing", []),
    ])
    func `glob finds by pattern`(pattern: String, expected: [String]) throws {
        let rig = try tree()
        let text = try rig.text(.glob(pattern: pattern, path: nil))
        let found = text == "no matches" ? [] : text.split(separator: "\n").map(String.init)
        #expect(Set(found) == Set(expected.map { "\(rig.work)/\($0)" }))
    }

    @Test func `glob shows the newest first and counts what it leaves out`() throws {
        let rig = try ToolRig()
        for number in 0..<210 {
            let path = "f\(number)"
            try rig.put("", at: path)
            var times = [timeval(tv_sec: 1000 + number, tv_usec: 0), timeval(tv_sec: 1000 + number, tv_usec: 0)]
            utimes(rig.work + "/" + path, &times)
        }
        let lines = try rig.text(.glob(pattern: "*", path: ".")).split(separator: "\n")
        #expect(lines.count == 201)
        #expect(lines.first == "\(rig.work)/f209")
        #expect(lines.last == "(10 more; use a narrower pattern)")
    }

    @Test func `grep gives path, line and text, and leaves binaries, pipes, links and .git out`() throws {
        let rig = try tree()
        #expect(try rig.text(.grep(pattern: #"let \w+ = \d{2}"#, path: nil)) == "\(rig.work)/a.swift:2:let two = 22")
        #expect(try rig.text(.grep(pattern: "let", path: nil)).split(separator: "\n").count == 2)
        #expect(try rig.text(.grep(pattern: "(?i)two$", path: "src")) == "\(rig.work)/src/deep/c.txt:2:TWO")
        #expect(try rig.text(.grep(pattern: "^one$", path: "src/deep/c.txt")) == "\(rig.work)/src/deep/c.txt:1:one")
        #expect(try rig.text(.grep(pattern: "absent", path: nil)) == "no matches")
        #expect(try rig.text(.grep(pattern: "^$", path: nil)) == "no matches")
    }

    @Test func `grep stops when its answer is long enough, and skips endless lines`() throws {
        let rig = try ToolRig()
        try rig.put(String(repeating: "match\n", count: 20_000), at: "many")
        let text = try rig.text(.grep(pattern: "match", path: nil))
        #expect(text.utf8.count < GrepTool.outputLimit + 1000)
        #expect(text.hasSuffix("use a narrower pattern)"))
        try rig.put(String(repeating: "x", count: 3000) + "needle\nneedle\n", at: "many")
        #expect(try rig.text(.grep(pattern: "needle", path: nil)) == "\(rig.work)/many:2:needle")
    }

    @Test func `a large file is searched in its first part, and that is told`() throws {
        let rig = try ToolRig()
        try rig.put("needle\n", at: "large")
        truncate(rig.work + "/large", 1 << 40)
        let text = try rig.text(.grep(pattern: "needle", path: nil))
        #expect(text.contains("only in the first 8 MiB") || text == "no matches")
        try rig.put("needle\n" + String(repeating: "filling of a line\n", count: 500_000), at: "large")
        let lines = try rig.text(.grep(pattern: "needle", path: "large")).split(separator: "\n")
        #expect(lines.first == "\(rig.work)/large:1:needle")
        #expect(lines.last?.contains("only in the first 8 MiB") == true)
    }

    @Test(arguments: ["none", "../outside", "/etc", "door", "pipe.swift", "/proc"])
    func `where nothing can be searched is an error`(path: String) throws {
        let rig = try tree()
        #expect(try rig.run(.grep(pattern: "a", path: path)).isError)
        #expect(try rig.run(.glob(pattern: "*", path: path)).isError)
    }

    @Test func `a tree of many folders, also deep ones, is walked with few descriptors`() throws {
        let rig = try ToolRig()
        for number in 0..<1500 { mkdir(rig.work + "/d\(number)", 0o755) }
        try rig.put("needle\n", at: "d1499/f")
        try rig.put("needle\n", at: (0..<63).map { _ in "e" }.joined(separator: "/") + "/f")
        #expect(try rig.text(.grep(pattern: "needle", path: nil)).split(separator: "\n").count == 2)
        try rig.put("needle\n", at: (0..<70).map { _ in "e" }.joined(separator: "/") + "/f")
        #expect(try rig.text(.glob(pattern: "**/f", path: nil)).hasSuffix("give a path further down)"))
    }

    @Test func `a cancelled search ends`() throws {
        let rig = try tree()
        let cancel = try CancelToken()
        cancel.cancel()
        for input in [CallInput.grep(pattern: "a", path: nil), .glob(pattern: "*", path: nil)] {
            #expect(rig.runner.run(callID: "x", input: input, cancel: cancel) == .failure("interrupted"))
        }
    }
}
