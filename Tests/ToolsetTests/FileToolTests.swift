import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

@Suite struct FileToolTests {
    @Test func `what is written is read back, with missing folders made`() throws {
        let rig = try ToolRig()
        try rig.put("one\ntwo\nthree\n", at: "a/b/c.txt")
        #expect(try rig.text(.read(path: "a/b/c.txt", range: nil)) == "one\ntwo\nthree\n")
        #expect(try rig.text(.read(path: rig.work + "/a/b/c.txt", range: .init(first: 2, last: 2))) == "two\n")
        #expect(try rig.text(.read(path: "a/b/c.txt", range: .init(first: 2, last: -1))) == "two\nthree\n")
    }

    @Test func `what cannot be read says why`() throws {
        let rig = try ToolRig()
        try rig.put("x", at: "file")
        mkfifo(rig.work + "/pipe", 0o644)
        symlink("/dev/zero", rig.work + "/zero")
        for path in [
            "none", ".", "file/below", "pipe", "zero", "", "../outside/x", "/etc/passwd", "/proc/self/environ",
        ] {
            let result = try rig.run(.read(path: path, range: nil))
            #expect(result.isError, "\(path)")
            #expect(!result.content.isEmpty)
        }
        #expect(try rig.run(.read(path: "file", range: .init(first: 0, last: 1))).isError)
        #expect(try rig.run(.read(path: "file", range: .init(first: 3, last: 2))).isError)
    }

    @Test func `a large or binary file is refused, a part of it is not`() throws {
        let rig = try ToolRig()
        try rig.put(String(repeating: "line of text\n", count: 40_000), at: "large")
        #expect(try rig.run(.read(path: "large", range: nil)).isError)
        #expect(
            try rig.text(.read(path: "large", range: .init(first: 39_999, last: 0))) == "line of text\nline of text\n")
        try rig.put("a\u{0}b", at: "binary")
        #expect(try rig.run(.read(path: "binary", range: nil)).isError)
    }

    @Test func `an edit needs exactly one place, or says that it wants all`() throws {
        let rig = try ToolRig()
        try rig.put("a b a", at: "f")
        #expect(try rig.run(.edit(path: "f", old: "a", new: "c", replaceAll: false)).isError)
        #expect(try rig.run(.edit(path: "f", old: "x", new: "c", replaceAll: false)).isError)
        #expect(rig.contents(rig.work + "/f") == "a b a")
        #expect(try rig.run(.edit(path: "f", old: "b", new: "", replaceAll: false)).isError == false)
        #expect(try rig.run(.edit(path: "f", old: "a", new: "c", replaceAll: true)).isError == false)
        #expect(rig.contents(rig.work + "/f") == "c  c")
    }

    @Test func `links lead nowhere outside of the roots`() throws {
        let rig = try ToolRig()
        symlink(rig.folder + "/outside", rig.work + "/door")
        symlink("../outside/new", rig.work + "/dangling")
        symlink("/etc/passwd", rig.work + "/passwd")
        for path in ["door/f", "dangling", "passwd", "../outside/f", "a/../../outside/f"] {
            #expect(try rig.run(.write(path: path, content: "x")).isError, "\(path)")
            #expect(try rig.run(.read(path: path, range: nil)).isError, "\(path)")
        }
        for name in ["f", "new"] { #expect(rig.contents(rig.folder + "/outside/\(name)") == nil) }
    }

    @Test func `a link inside is followed and a read-only root is not written to`() throws {
        let rig = try ToolRig()
        try rig.put("x", at: "real/f")
        symlink("real", rig.work + "/link")
        #expect(try rig.text(.read(path: "link/f", range: nil)) == "x")
        #expect(try rig.run(.write(path: rig.folder + "/system/f", content: "x")).isError)
    }

    @Test func `a link that appears between the check and the use is not followed`() throws {
        let rig = try ToolRig()
        mkdir(rig.work + "/d", 0o755)
        let place = try rig.gate.resolve("d/f", writing: true)
        rmdir(rig.work + "/d")
        symlink(rig.folder + "/outside", rig.work + "/d")
        #expect(throws: ToolError.self) {
            try FileWriter(gate: rig.gate).write(Array("x".utf8), to: place, named: "d/f", unique: "u")
        }
        #expect(rig.contents(rig.folder + "/outside/f") == nil)
    }
}
