import Sandbox
import Testing

/// Taking all there is. Each runs for a few seconds, in programs that every root file system has.
enum Exhaustion: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case forkBomb, memoryHog, diskFiller, inodeFiller, openFiles, terminals, busyLoops, outputFlood, connections

    var testDescription: String { rawValue }

    var command: String {
        switch self {
        case .forkBomb: "b() { b | b & }; b; wait; sleep 3"
        case .memoryHog:
            "while :; do for n in 1 2 3 4; do head -c 300M /dev/zero | tail -c 290M > /dev/null & done; wait; done"
        case .diskFiller:
            "for p in /workspace /tmp /dev/shm /run /var/tmp; do head -c 1G /dev/zero > $p/fill & done; wait; sleep 3"
        case .inodeFiller:
            "for p in /workspace /tmp /dev/shm /run; do (mkdir $p/many && cd $p/many && for n in {1..200000}; do : > $n || break; done) & done; wait"
        case .openFiles:
            "for p in {1..20}; do (ulimit -n $(ulimit -Hn); for n in {1..60000}; do exec {f}< /dev/null || break; done; sleep 9) & done; wait"
        case .terminals:
            "for p in 1 2 3; do (for n in {1..1500}; do exec {f}<> /dev/ptmx || break; done; sleep 9) & done; wait"
        case .busyLoops: "for n in {1..16}; do (while :; do :; done) & done; wait"
        case .outputFlood: "while :; do echo flood flood flood flood flood flood flood flood; done"
        case .connections:
            "for p in 1 2 3; do (for n in {1..400}; do exec {f}<> /dev/tcp/127.0.0.1/3128 || break; echo $'\\x09\\xff\\xff\\xff\\xff' >&$f; done; sleep 9) & done; wait"
        }
    }

    /// The bystanders are asked while it runs; then the sandbox itself has to answer, or its files another one of it.
    func check(_ rig: any EngineRig) async throws {
        var spec = try rig.spec("hog")
        spec.network = .allow(hosts: ["example.com"])
        spec.limits.diskBytes = 48 << 20
        try await Bystanders.with(rig) { bystanders in
            let hog = try await rig.provider.provision(spec)
            _ = try await hog.bash("echo kept > kept")
            let attack = ToolCall(
                id: "attack", input: .bash(command: command, restart: false, timeoutMilliseconds: 2000))
            async let ended = try? hog.run(attack)
            for _ in 0..<3 { try await bystanders.areWell(rawValue) }
            if self == .terminals {
                let terminal = try await bystanders.neighbour.bash("(exec 3<> /dev/ptmx) && echo terminal")
                #expect(terminal.contains("terminal"), "\(terminal)")
            }
            let text = await ended.map { "\($0)" } ?? "lost"
            #expect(text.utf8.count < 200_000, "an answer is bounded")
            try await bystanders.areWell("after \(rawValue)")
            if self == .terminals {
                let count = try await hog.bash(
                    "(n=0; while [ $n -lt 400 ]; do exec {f}<> /dev/ptmx || break; n=$((n + 1)); done; echo opened $n) 2>/dev/null"
                )
                #expect(count.contains("opened 256"), "\(count)")
            }
            try await answers(hog, spec, rig)
        }
    }

    private func answers(_ hog: any Sandbox, _ spec: SandboxSpec, _ rig: any EngineRig) async throws {
        let after = ToolCall(
            id: "after", input: .bash(command: "cat kept", restart: true, timeoutMilliseconds: 60_000))
        do {
            let text = "\(try await hog.run(after))"
            #expect(text.contains("kept"), "\(text)")
        } catch {
            // Full of what no kill frees, it may end as a whole: the next call gets another one with the same files.
            #expect(error.code == .lost && self == .inodeFiller, "\(error)")
            await hog.detach()
            let next = try await rig.provider.provision(spec)
            #expect("\(try await next.run(after))".contains("kept"))
            return await next.destroy()
        }
        await hog.destroy()
    }
}
