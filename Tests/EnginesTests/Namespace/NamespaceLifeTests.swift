import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// What survives the worker, and what is left after a sandbox: nothing.
@Suite(.serialized) struct NamespaceLifeTests {
    @Test func `a later worker comes back to the living sandbox with its shell and its journal`() async throws {
        try await NamespaceRig.with { rig in
            let first = try await rig.engine.provision(try rig.spec())
            let call = ToolCall(
                id: "one", input: .bash(command: "x=41; echo $$", restart: false, timeoutMilliseconds: nil))
            let shell = try await first.run(call)
            await first.detach()
            let later = try await NamespaceRig.engine(in: rig.folder).provision(try rig.spec())
            #expect(try await later.journal()["one"] == .settled(shell))
            #expect(try await later.run(call) == shell)
            #expect(try await later.bash("echo $((x + 1))").contains("42"))
            await later.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a sandbox whose first process was killed is replaced and its files are there`() async throws {
        try await NamespaceRig.with { rig in
            let first = try await rig.engine.provision(try rig.spec())
            _ = try await first.bash("echo kept > file; sync")
            for line in rig.processes() {
                if let pid = line.split(separator: " ").first.flatMap({ Int32($0) }) { kill(pid, SIGKILL) }
            }
            await #expect(throws: SandboxError.self) { _ = try await first.bash("echo no") }
            await first.detach()
            let second = try await NamespaceRig.engine(in: rig.folder).provision(try rig.spec())
            #expect(try await second.bash("cat file").contains("kept"))
            await second.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `destroying ends what runs in the background and leaves nothing on the host`() async throws {
        try await NamespaceRig.with { rig in
            let sandbox = try await rig.engine.provision(try rig.spec())
            _ = try await sandbox.bash(
                "for n in 1 2 3; do (setsid sleep 300 &) ; done; trap '' TERM; head -c 20M /dev/zero > f")
            #expect(!rig.processes().isEmpty)
            #expect(!rig.groups().isEmpty)
            await sandbox.destroy()
            #expect(await rig.leftovers() == [])
            await sandbox.destroy()
            #expect(HostView.names(in: rig.folder + "/run/sandboxes") == [])
        }
    }

    @Test func `a sweep removes what nobody claims and keeps the rest`() async throws {
        try await NamespaceRig.with { rig in
            let kept = try await rig.engine.provision(try rig.spec("kept"))
            let orphan = try await rig.engine.provision(try rig.spec("orphan"))
            await orphan.detach()
            let later = NamespaceRig.engine(in: rig.folder)
            await later.sweep(keeping: [try rig.id("kept")])
            #expect(HostView.names(in: rig.folder + "/run/sandboxes") == ["\(try rig.id("kept"))"])
            #expect(rig.groups().allSatisfy { $0.hasSuffix("-kept") })
            #expect(try await kept.bash("echo alive").contains("alive"))
            await kept.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `many sandboxes at once come up and go away`() async throws {
        try await NamespaceRig.with { rig in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        let sandbox = try await rig.engine.provision(try rig.spec("n\(number)"))
                        let text = try await sandbox.bash("echo number \(number)")
                        await sandbox.destroy()
                        return text.contains("number \(number)")
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `nothing is left when the daemon cannot start`() async throws {
        try await NamespaceRig.with { rig in
            let broken = NamespaceRig.engine(in: rig.folder, execd: "/bin/true")
            let error = await #expect(throws: SandboxError.self) { _ = try await broken.provision(try rig.spec()) }
            #expect(error?.code == .unavailable)
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a probe starts a sandbox and says what it found`() async throws {
        try await NamespaceRig.with { rig in
            let report = await rig.engine.probe()
            #expect(report.isUsable)
            // The kernel of the machine decides about this one.
            let landlock = report.problems.filter { $0.summary.contains("Landlock") }
            #expect(landlock.isEmpty == (KernelWalls.landlock != nil) && landlock.allSatisfy { !$0.isFatal })
            #expect(report.problems.filter { !landlock.contains($0) } == [])
            #expect(report.boundary.hasPrefix("namespace: bubblewrap"))
            #expect(report.boundary.contains(landlock.isEmpty ? ", Landlock," : "NO Landlock"))
            #expect(await rig.leftovers() == [])
            let without = await NamespaceRig.engine(in: rig.folder, bubblewrap: "/nowhere/bwrap").probe()
            #expect(!without.isUsable)
            #expect(without.problems.contains { $0.isFatal && $0.remedy.contains("apt-get install bubblewrap") })
        }
    }
}
