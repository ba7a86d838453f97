import Engines
import Sandbox
import Testing

/// A program speaks to the daemon where it finds an open end, and says what only the worker or the shell may say.
struct Forgeries {
    let rig: NamespaceRig

    private static let attacks = [
        // The shell's own descriptors: its input, the command, the status.
        "for f in 0 198 199 255; do head -c 200 /dev/urandom > /proc/$$/fd/$f; done 2>/dev/null; echo said",
        "bash -c 'printf %01000d 9 > /proc/$PPID/fd/199'; sleep 1",
        "(while :; do echo 99999999999999999999999; done > /proc/$$/fd/199) & sleep 1",
        "bash -c 'echo 0 > /proc/$PPID/fd/199'; sleep 0.2; false",
        "echo 'echo injected; exit 9' > /proc/$$/fd/0; echo said",
        // Bytes that look like frames, on the only way to the daemon's connection.
        #"for n in {1..2000}; do printf '\x0a\x00\x00\x00\x01\x00\x00\x00\x04{"a"}\x00\xff\xff\xff\xff'; done | head -c 60000"#,
        "head -c 90000 /dev/urandom",
        // The port that leads out.
        #"for n in {1..300}; do exec {f}<> /dev/tcp/127.0.0.1/3128; head -c 64 /dev/urandom >&$f; done; echo said"#,
        // Anything that listens, anywhere.
        "for p in /run /tmp /dev /opt /workspace /var; do find $p -type s; done 2>/dev/null; ls -l /proc/1/fd 2>&1; echo said",
    ]

    func check() async throws {
        var spec = try rig.spec("forger")
        spec.network = .allow(hosts: ["example.com"])
        try await Bystanders.with(rig) { bystanders in
            let sandbox = try await rig.engine.provision(spec)
            var settled: [String: ToolResult] = [:]
            for (number, command) in Self.attacks.enumerated() {
                let id = "forgery\(number)"
                settled[id] = try await sandbox.run(
                    ToolCall(id: id, input: .bash(command: command, restart: false, timeoutMilliseconds: 4000)))
                // In a fresh shell: the old one may be beyond repair, which is the forger's own loss.
                let answer = try await sandbox.run(
                    ToolCall(
                        id: "check\(number)",
                        input: .bash(command: "echo $((6 * 7))", restart: true, timeoutMilliseconds: 20_000)))
                #expect("\(answer)".contains("42") && !answer.isError, "\(command): \(answer)")
            }
            let journal = try await sandbox.journal()
            #expect(journal.count == 2 * Self.attacks.count, "no call but the worker's is in the journal")
            for (id, result) in settled { #expect(journal[id] == .settled(result), "\(id)") }
            try await bystanders.areWell("forgeries")
            await sandbox.destroy()
        }
    }
}
