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
        truncate(rig.work + "/large", 1 << 40)
        #expect(try rig.run(.read(path: "large", range: .init(first: 1, last: 1))).isError == false)
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

    @Test func `a read far into an endless file can be cancelled`() throws {
        let rig = try ToolRig()
        try rig.put("x\n", at: "sparse")
        truncate(rig.work + "/sparse", 1 << 42)
        let cancel = try CancelToken()
        try PosixThread.start { cancel.cancel() }
        let result = rig.runner.run(
            callID: "c", input: .read(path: "sparse", range: .init(first: 3, last: 4)), cancel: cancel)
        #expect(result == .failure("interrupted"))
    }

    @Test func `images are known by their first bytes`() throws {
        let rig = try ToolRig()
        try rig.put("no image", at: "a.png")
        #expect(try rig.run(.read(path: "a.png", range: nil)).isError)
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        try Descriptor(opened: open(rig.work + "/b.PNG", O_WRONLY | O_CREAT, 0o644), "open").write(png)
        #expect(
            try rig.run(.read(path: "b.PNG", range: nil)).content == [.image(mediaType: "image/png", bytes: png)])
        #expect(try rig.run(.read(path: "b.PNG", range: .init(first: 1, last: 2))).isError)
    }

    @Test func `a replaced file keeps its mode, and nothing is left beside it`() throws {
        let rig = try ToolRig()
        try rig.put("x", at: "d/run.sh")
        chmod(rig.work + "/d/run.sh", 0o755)
        #expect(
            try rig.text(.edit(path: "d/run.sh", old: "x", new: "y", replaceAll: false)).contains("(1 replacement)"))
        var status = stat()
        stat(rig.work + "/d/run.sh", &status)
        #expect(status.st_mode & 0o7777 == 0o755)
        #expect(try rig.text(.glob(pattern: "**", path: "d")) == "\(rig.work)/d/run.sh")
    }

    @Test func `what is no file is not written to`() throws {
        let rig = try ToolRig()
        mkfifo(rig.work + "/pipe", 0o644)
        mkdir(rig.work + "/d", 0o755)
        try rig.put("x", at: "file")
        for path in ["pipe", "d", ".", "", "new/", "file/below", "a\u{0}b", String(repeating: "n", count: 300)] {
            #expect(try rig.run(.write(path: path, content: "x")).isError, "\(path)")
            #expect(try rig.run(.edit(path: path, old: "x", new: "y", replaceAll: true)).isError, "\(path)")
        }
    }

    @Test func `an edit of many equal bytes takes no time`() throws {
        let rig = try ToolRig()
        try rig.put(String(repeating: "a", count: 250_000), at: "f")
        let old = String(repeating: "a", count: 120_000) + "b"
        #expect(try rig.run(.edit(path: "f", old: old, new: "", replaceAll: true)).isError)
    }
}
