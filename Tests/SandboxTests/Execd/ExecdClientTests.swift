import Glibc
import Sandbox
import Testing

@Suite(.serialized) struct ExecdClientTests {
    @Test func `a daemon says where it works and runs calls in one shell`() async throws {
        try await DaemonRig.connected { rig, client in
            #expect(client.workDirectory == rig.work)
            #expect(client.info.proxyPort == rig.proxyPort && client.info.outputLimit == 100_000)
            #expect(!client.isClosed)
            #expect(try await client.bash("x=42; pwd", id: "a").text.contains(rig.work))
            let result = try await client.bash("echo $x", id: "b")
            #expect(result.text.contains("42") && !result.isError)
        }
    }

    @Test func `a call with a known id does not run again`() async throws {
        try await DaemonRig.connected { _, client in
            let first = try await client.bash("echo line >> log; wc -l < log", id: "same")
            let second = try await client.bash("echo line >> log; wc -l < log", id: "same")
            #expect(first == second && first.text.contains("1"))
        }
    }

    @Test func `calls run side by side and each gets its own result`() async throws {
        try await DaemonRig.connected { _, client in
            try await withThrowingTaskGroup(of: (Int, ToolResult).self) { group in
                for number in 0..<40 {
                    group.addTask {
                        (number, try await client.bash("echo content $((\(number) + 1000))", id: "r\(number)"))
                    }
                }
                for try await (number, result) in group { #expect(result.text.contains("content \(number + 1000)")) }
            }
        }
    }

    @Test func `cancellation kills the call and still returns its result`() async throws {
        try await DaemonRig.connected { rig, client in
            let result = try await withThrowingTaskGroup(of: ToolResult.self) { group in
                group.addTask { try await client.bash("echo begun; touch started; sleep 1000", id: "long") }
                while access(rig.work + "/started", F_OK) != 0 { try await Task.sleep(for: .milliseconds(2)) }
                group.cancelAll()
                return try await group.next()
            }
            #expect(result?.isError == true && result?.text.contains("begun") == true)
            #expect(try await client.journal()["long"] == result.map { .settled($0) })
            #expect(try await client.bash("echo alive", id: "next").text.contains("alive"))
        }
    }

    @Test func `a call that is cancelled before it starts is not sent`() async throws {
        try await DaemonRig.connected { _, client in
            let result = try await withThrowingTaskGroup(of: ToolResult.self) { group in
                group.cancelAll()
                group.addTask { try await client.bash("touch ran", id: "never") }
                return try await group.next()
            }
            #expect(result?.isError == true)
            #expect(try await client.journal().isEmpty)
        }
    }

    @Test func `a call that cannot be named is refused without asking`() async throws {
        try await DaemonRig.connected { _, client in
            let results = [
                try await client.bash("true", id: ""),
                try await client.bash("true", id: String(repeating: "x", count: 257)),
            ]
            #expect(results.allSatisfy { $0.isError })
            #expect(try await client.journal().isEmpty)
        }
    }

    @Test func `the journal knows what runs and what has settled`() async throws {
        try await DaemonRig.connected { rig, client in
            #expect(try await client.journal().isEmpty)
            let settled = try await client.bash("echo done", id: "one")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await client.bash("touch started; sleep 1000", id: "two") }
                while access(rig.work + "/started", F_OK) != 0 { try await Task.sleep(for: .milliseconds(2)) }
                #expect(try await client.journal() == ["one": .settled(settled), "two": .running])
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: [0, 1, 65_536, 5_000_001])
    func `a file arrives whole with its mode`(count: Int) async throws {
        try await DaemonRig.connected { rig, client in
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            let path = rig.work + "/deep/er/file"
            try await client.put(bytes, at: path, mode: 0o750)
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_size == count && status.st_mode & 0o7777 == 0o750)
            var read = [UInt8](repeating: 0, count: count)
            let file = open(path, O_RDONLY)
            defer { close(file) }
            var filled = 0
            while filled < count {
                let got = read[filled...].withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
                guard got > 0 else { break }
                filled += got
            }
            #expect(read == bytes)
        }
    }

    @Test func `a file outside is refused and the connection goes on`() async throws {
        try await DaemonRig.connected { rig, client in
            let big = [UInt8](repeating: 1, count: 1 << 20)
            for path in ["/etc/perimeter-test", rig.work + "/../out"] {
                let error = await #expect(throws: SandboxError.self) {
                    try await client.put(big, at: path, mode: 0o644)
                }
                #expect(error?.code == .unsupported)
            }
            #expect(access("/etc/perimeter-test", F_OK) != 0 && access(rig.folder + "/out", F_OK) != 0)
            await #expect(throws: SandboxError.self) { try await client.put([], at: "relative", mode: 0o644) }
            try await client.put([1], at: rig.work + "/in", mode: 0o644)
        }
    }

    @Test func `shutdown ends the daemon and what waits on it`() async throws {
        try await DaemonRig.connected { rig, client in
            async let pending = DaemonRig.failure { () throws(SandboxError) in
                try await client.bash("touch started; sleep 1000", id: "long")
            }
            while access(rig.work + "/started", F_OK) != 0 { try await Task.sleep(for: .milliseconds(2)) }
            await client.shutdown()
            #expect(await pending == .lost)
            #expect(await rig.hasExited())
            #expect(client.isClosed)
        }
    }

    @Test func `the death of the daemon is noticed by all`() async throws {
        try await DaemonRig.connected { rig, client in
            async let pending = DaemonRig.failure { () throws(SandboxError) in
                try await client.bash("touch started; sleep 1000", id: "long")
            }
            while access(rig.work + "/started", F_OK) != 0 { try await Task.sleep(for: .milliseconds(2)) }
            kill(rig.pid, SIGKILL)
            #expect(await client.closed()?.code == .lost)
            #expect(await pending == .lost)
            let later = await #expect(throws: SandboxError.self) { _ = try await client.journal() }
            #expect(later?.code == .lost)
        }
        // The orphaned shell ends by itself: its parent held the other end of its pipes.
    }

    @Test func `a later holder finds the running call and gets its result`() async throws {
        try await DaemonRig.with { rig in
            let first = try await rig.connect()
            let instance = first.info.instance
            async let lost = DaemonRig.failure { () throws(SandboxError) in
                try await first.bash("touch started; until [ -e go ]; do sleep 0.01; done; echo out", id: "long")
            }
            while access(rig.work + "/started", F_OK) != 0 { try await Task.sleep(for: .milliseconds(2)) }
            await first.detach()
            #expect(await lost == .lost && first.isClosed)
            let second = try await rig.connect()
            #expect(second.info.instance == instance)
            #expect(try await second.journal() == ["long": .running])
            async let result = second.bash("echo again", id: "long")
            try await second.put([], at: rig.work + "/go", mode: 0o644)
            #expect(try await result.text.contains("out"))
            await second.detach()
        }
    }

    @Test func `a newer holder replaces the older one`() async throws {
        try await DaemonRig.connected { rig, older in
            let newer = try await rig.connect()
            #expect(await older.closed()?.code == .lost)
            #expect(try await newer.bash("echo mine", id: "a").text.contains("mine"))
            await newer.detach()
        }
    }

    @Test func `waiting for the end can be cancelled`() async throws {
        try await DaemonRig.connected { _, client in
            let reason = await withTaskGroup(of: SandboxError?.self) { group in
                group.addTask { await client.closed() }
                group.cancelAll()
                return await group.next() ?? nil
            }
            #expect(reason == nil && !client.isClosed)
        }
    }
}
