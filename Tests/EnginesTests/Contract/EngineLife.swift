import Sandbox
import Testing

/// From the first command to the last trace.
struct EngineLife {
    let rig: any EngineRig

    func runsCommands() async throws {
        try await rig.withSandbox(try rig.spec("a")) { sandbox async throws in
            #expect(try await sandbox.bash("echo hi; pwd").hasPrefix("hi\n/workspace"))
            #expect(try await sandbox.bash("echo $((6 * 7))").hasPrefix("42"))
            _ = try await sandbox.bash("cd /tmp; x=1")
            #expect(try await sandbox.bash("pwd; echo $x").hasPrefix("/tmp\n1"), "one shell for all calls")
            #expect(!sandbox.boundary.isEmpty)
            #expect(try await sandbox.bash("id -u").hasPrefix("0") == false, "programs are not root")
        }
    }

    func keepsFiles() async throws {
        let spec = try rig.spec("a")
        try await rig.withSandbox(spec) { _ = try await $0.bash("echo kept > file; mkdir d; ln -s file d/link") }
        try await rig.withSandbox(spec) { sandbox async throws in
            #expect(try await sandbox.bash("cat file; readlink d/link").hasPrefix("kept\nfile"))
        }
        try await rig.withSandbox(try rig.spec("b")) { sandbox async throws in
            #expect(try await sandbox.bash("ls -A").contains("file") == false, "another id has files of its own")
        }
    }

    func runsACallOnce() async throws {
        try await rig.withSandbox(try rig.spec("a")) { sandbox async throws in
            let call = ToolCall(
                id: "once", input: .bash(command: "echo run >> log; cat log", restart: false, timeoutMilliseconds: nil))
            let first = try await sandbox.run(call)
            #expect(try await sandbox.run(call) == first)
            #expect(try await sandbox.bash("wc -l < log").hasPrefix("1"))
            #expect(try await sandbox.journal()["once"] == .settled(first))
        }
    }

    func reattaches() async throws {
        let spec = try rig.spec("a")
        let first = try await rig.provider.provision(spec)
        _ = try await first.bash("mark=7; sleep 1000 & echo $! > pid")
        await first.detach()
        try await rig.withSandbox(spec) { sandbox async throws in
            #expect(try await sandbox.bash("kill -0 $(cat pid) && echo $mark").hasPrefix("7"))
        }
    }

    func survivesTheWorker() async throws {
        let spec = try rig.spec("a")
        let first = try await rig.provider.provision(spec)
        _ = try await first.bash("mark=7")
        await first.detach()
        let second = try await rig.restarted().provision(spec)
        #expect(try await second.bash("echo $mark").hasPrefix("7"))
        await second.destroy()
        #expect(await rig.leftovers() == [])
    }

    func destroysTwice() async throws {
        let sandbox = try await rig.provider.provision(try rig.spec("a"))
        await sandbox.destroy()
        await sandbox.destroy()
        let error = await #expect(throws: SandboxError.self) { try await sandbox.bash("echo") }
        #expect(error?.code == .lost)
        #expect(await rig.leftovers() == [])
    }

    func sweepsTheUnclaimed() async throws {
        let kept = try rig.spec("kept")
        for spec in [kept, try rig.spec("left")] {
            let sandbox = try await rig.provider.provision(spec)
            _ = try await sandbox.bash("mark=7")
            await sandbox.detach()
        }
        await rig.restarted().sweep(keeping: [kept.id])
        let again = try await rig.provider.provision(kept)
        #expect(try await again.bash("echo $mark").hasPrefix("7"))
        await again.detach()
        await rig.restarted().sweep(keeping: [])
        #expect(await rig.leftovers() == [])
    }

    func takesBinaryFiles() async throws {
        try await rig.withSandbox(try rig.spec("a")) { sandbox async throws in
            let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            try await sandbox.put(bytes, at: "/workspace/deep/er/data", mode: 0o640)
            #expect(try await sandbox.bash("stat -c '%s %a' deep/er/data").hasPrefix("1048576 640"))
            let text = try await sandbox.bash("od -An -v -tu1 -w1 -j 4096 -N 4000 deep/er/data")
            let read = text.split(whereSeparator: \.isWhitespace).compactMap { UInt8($0) }
            #expect(read == Array(bytes[4096..<8096]))
        }
    }

    func killsOnCancellation() async throws {
        try await rig.withSandbox(try rig.spec("a")) { sandbox async throws in
            let call = ToolCall(
                id: "long", input: .bash(command: "sleep 4711", restart: false, timeoutMilliseconds: 600_000))
            let task = Task { try await sandbox.run(call) }
            while try await sandbox.journal()["long"] == nil { await Task.yield() }
            task.cancel()
            #expect(try await task.value.isError)
            #expect(try await sandbox.bash("grep -l 471[1] /proc/[0-9]*/cmdline || echo none").hasPrefix("none"))
        }
    }
}
