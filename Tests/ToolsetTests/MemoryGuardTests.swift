import CLinux
import Glibc
import Testing

@testable import Toolset

struct MemoryGuardTests {
    @Test func `it looks the more often the less is left`() {
        let bound = 100 << 20
        #expect(MemoryGuard.pause(used: 0, bound: bound) == 50)
        #expect(MemoryGuard.pause(used: bound - (20 << 20), bound: bound) == 10)
        #expect(MemoryGuard.pause(used: bound, bound: bound) == 4)
        #expect(MemoryGuard.pause(used: bound * 2, bound: bound) == 4)
        #expect(MemoryGuard.pause(used: 0, bound: 1 << 40) == 200)
    }

    /// A folder that shows processes as the kernel would, with real ones behind the numbers.
    @Test func `the largest program is ended when the bound is passed, and no other`() throws {
        let folder = "/tmp/perimeter-guard-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try #require(mkdir(folder, 0o700) == 0)
        let children = try (0..<2).map { _ in try Self.sleeper() }
        defer {
            for child in children {
                kill(child, SIGKILL)
                waitpid(child, nil, 0)
            }
            for name in children.map({ "\($0)" }) + ["\(getpid())"] {
                unlink("\(folder)/\(name)/statm")
                rmdir("\(folder)/\(name)")
            }
            unlink("\(folder)/meminfo")
            rmdir(folder)
        }
        for (child, pages) in zip(children, [500, 900]) {
            try #require(mkdir("\(folder)/\(child)", 0o700) == 0)
            try Self.write("1000 \(pages) 10 1 0 10 0\n", to: "\(folder)/\(child)/statm")
        }
        // This process is the largest, and is spared.
        try #require(mkdir("\(folder)/\(getpid())", 0o700) == 0)
        try Self.write("9000 9000 10 1 0 10 0\n", to: "\(folder)/\(getpid())/statm")
        var memoryGuard = MemoryGuard(limit: 400 << 20, folder: folder)
        try Self.write("MemTotal:  1000000 kB\nMemFree:  700000 kB\n", to: "\(folder)/meminfo")
        memoryGuard.look()
        #expect(kill(children[0], 0) == 0 && kill(children[1], 0) == 0, "293 of 300 MiB are used")
        try Self.write("MemTotal:  1000000 kB\nMemFree:  600000 kB\n", to: "\(folder)/meminfo")
        while waitpid(children[1], nil, WNOHANG) == 0 { memoryGuard.look() }
        #expect(kill(children[0], 0) == 0)
    }

    private static func sleeper() throws -> pid_t {
        var pid: pid_t = 0
        let words: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/sleep"), strdup("1000"), nil]
        defer { for word in words { free(word) } }
        let error = posix_spawn(&pid, "/bin/sleep", nil, nil, words, nil)
        try #require(error == 0)
        return pid
    }

    private static func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        let bytes = Array(text.utf8)
        try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
    }
}
