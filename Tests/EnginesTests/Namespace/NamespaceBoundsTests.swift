import Engines
import Sandbox
import Testing

/// The bounds hold, and reaching one costs the program that did, not the sandbox.
@Suite(.serialized) struct NamespaceBoundsTests {
    @Test func `a fork bomb stops at the bound and the sandbox lives on`() async throws {
        try await NamespaceRig.with { rig in
            var limits = NamespaceRig.limits
            limits.processes = 40
            try await rig.withSandbox(limits: limits) { sandbox in
                let text = try await sandbox.bash(
                    """
                    python3 - <<'END'
                    import os, time
                    started = 0
                    try:
                        for _ in range(500):
                            if os.fork() == 0:
                                time.sleep(60); os._exit(0)
                            started += 1
                    except OSError as error:
                        print("refused:", error.strerror)
                    print("started", started)
                    END
                    """)
                #expect(text.contains("refused: Resource temporarily unavailable"))
                let started = text.split(separator: "\n").last.flatMap { Int($0.dropFirst("started ".count)) } ?? 500
                #expect(started < 40)
                #expect(rig.processes().count <= 41)
                let bomb = ToolCall(
                    id: "bomb", input: .bash(command: ":(){ :|:& };:", restart: true, timeoutMilliseconds: 3000))
                _ = try await sandbox.run(bomb)
                let after = ToolCall(
                    id: "after", input: .bash(command: "echo alive", restart: true, timeoutMilliseconds: 10_000))
                let answer = try await sandbox.run(after)
                #expect("\(answer)".contains("alive"))
            }
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a memory hog is killed and the sandbox lives on`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                let text = try await sandbox.bash(
                    "python3 -c 'print(len(bytearray(400 << 20)))'; echo status $?")
                #expect(text.contains("status 137"), "\(text)")
                #expect(try await sandbox.bash("echo alive").contains("alive"))
            }
        }
    }

    @Test func `filling a memory file system stops at its size and the sandbox lives on`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                for place in ["/tmp", "/dev/shm"] {
                    let text = try await sandbox.bash("head -c 500M /dev/zero > \(place)/fill; echo status $?")
                    #expect(text.contains("No space left") && text.contains("status 1"), "\(place): \(text)")
                }
                #expect(try await sandbox.bash("rm -f /tmp/fill /dev/shm/fill; echo alive").contains("alive"))
            }
        }
    }

    @Test func `the disk ends at its bound, in bytes and in files`() async throws {
        try await NamespaceRig.with { rig in
            var limits = NamespaceRig.limits
            limits.diskBytes = 24 << 20
            try await rig.withSandbox(limits: limits) { sandbox in
                let text = try await sandbox.bash(
                    "head -c 100M /dev/zero > fill; echo status $?; stat -c %s fill; rm fill")
                #expect(text.contains("No space left"), "\(text)")
                let size = text.split(separator: "\n").last.flatMap { Int($0) } ?? .max
                #expect(size <= 24 << 20)
                let files = try await sandbox.bash(
                    "mkdir many; (for n in $(seq 200000); do : > many/$n || break; done) 2>&1 | tail -1; rm -rf many",
                    timeout: 60_000)
                #expect(files.contains("No space left"), "\(files)")
                #expect(try await sandbox.bash("echo again > fill; cat fill").contains("again"))
            }
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a busy loop gets its share of the processor and no more`() async throws {
        try await NamespaceRig.with { rig in
            var limits = NamespaceRig.limits
            limits.cpuPercent = 20
            try await rig.withSandbox(limits: limits) { sandbox in
                let text = try await sandbox.bash(
                    """
                    python3 - <<'END'
                    import time
                    end = time.monotonic() + 2
                    while time.monotonic() < end: pass
                    print(round(time.process_time() * 1000))
                    END
                    """)
                let milliseconds = text.split(separator: "\n").first.flatMap { Int($0) } ?? .max
                // 400 by the bound; one period more may be used up at either end.
                #expect(milliseconds < 700, "\(text)")
            }
        }
    }

    @Test func `bounds that make no sense are refused before anything is made`() async throws {
        try await NamespaceRig.with { rig in
            for limits in [
                ResourceLimits(memoryBytes: 0), ResourceLimits(processes: 1), ResourceLimits(cpuPercent: 0),
                ResourceLimits(diskBytes: 1),
            ] {
                let error = await #expect(throws: SandboxError.self) {
                    _ = try await rig.engine.provision(try rig.spec(limits: limits))
                }
                #expect(error?.code == .unsupported)
            }
            #expect(await rig.leftovers() == [])
        }
    }
}
