import Sandbox
import Testing

/// The persistent shell, in a real sandbox with the real daemon.
@Suite(.serialized) struct NamespaceShellTests {
    private func call(
        _ sandbox: any Sandbox, _ id: String, _ command: String?, restart: Bool = false, timeout: Int? = nil
    ) async throws -> (text: String, isError: Bool) {
        let result = try await sandbox.run(
            ToolCall(id: id, input: .bash(command: command, restart: restart, timeoutMilliseconds: timeout)))
        guard case .text(let text)? = result.content.first else { return ("", result.isError) }
        return (text, result.isError)
    }

    @Test func `directory, variables and functions stay until a restart`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                _ = try await call(sandbox, "1", "mkdir -p d && cd d && X=7 && f() { echo f$X; }")
                #expect(try await call(sandbox, "2", "f; pwd").text == "f7\n/workspace/d")
                #expect(
                    try await call(sandbox, "3", "echo \"[$X]\"; pwd", restart: true).text.hasSuffix("[]\n/workspace"))
            }
        }
    }

    @Test func `failure, silence and broken output have their words`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                let failed = try await call(
                    sandbox, "1", "echo out; echo err >&2; exit_code() { return 3; }; exit_code")
                #expect(failed.isError)
                #expect(failed.text.contains("out") && failed.text.contains("err") && failed.text.contains("3"))
                #expect(try await call(sandbox, "2", "true").text == "(no output)")
                #expect(try await call(sandbox, "3", "printf '\\xff\\x1b[31mred\\x1b[0m'").text == "\u{FFFD}red")
                // A command that ends the shell costs the shell, not the session.
                _ = try await call(sandbox, "4", "exit 5")
                #expect(try await call(sandbox, "5", "echo alive").text.contains("alive"))
            }
        }
    }

    @Test func `a command that takes too long is killed with all it started`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                let slow = try await call(sandbox, "1", "sleep 301 & setsid sleep 302 & sleep 303", timeout: 300)
                #expect(slow.isError)
                let left = try await call(sandbox, "2", "pgrep -fc 'sleep 30[0-9]' || true")
                #expect(left.text.split(separator: "\n").contains("0"))
            }
        }
    }

    @Test func `an interrupted command ends, whatever it ignores`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                let task = Task {
                    try await call(
                        sandbox, "1", "trap '' TERM INT HUP; (trap '' TERM; sleep 300) & echo begun; sleep 300")
                }
                while try await sandbox.journal()["1"] == nil { await Task.yield() }
                let begin = ContinuousClock.now
                task.cancel()
                #expect(try await task.value.isError)
                #expect(begin.duration(to: .now) < .seconds(60))
                #expect(try await call(sandbox, "2", "pgrep -c sleep || true").text.hasPrefix("0"))
            }
        }
    }

    @Test func `long output keeps head and tail, and the whole is in a file`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                let long = try await call(sandbox, "1", "seq 1 200000")
                #expect(long.text.utf8.count < 120_000)
                #expect(long.text.hasPrefix("1\n2\n"))
                #expect(long.text.contains("200000"))
                let path = long.text.split { " \n()[]'\"".contains($0) }.first { $0.hasPrefix("/workspace/") }
                let file = try #require(path.map { String($0).trimmingPrefix("") })
                #expect(try await call(sandbox, "2", "wc -l < \(file)").text.hasPrefix("200000"))
            }
        }
    }

    @Test func `a background process goes on between calls`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                _ = try await call(sandbox, "1", "(sleep 0.2; echo later > late) & echo started")
                let found = try await call(
                    sandbox, "2", "for i in $(seq 50); do [ -s late ] && break; sleep 0.1; done; cat late")
                #expect(found.text.contains("later"))
            }
        }
    }
}
