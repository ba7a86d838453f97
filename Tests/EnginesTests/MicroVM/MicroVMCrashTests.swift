import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

extension MicroVMTests {
    /// What is left when a worker, or a monitor, dies at a bad moment.
    @Suite struct MicroVMCrashTests {
        @Test func `a machine that a dying worker had halted goes on`() async throws {
            try await MicroVMRig.with { rig in
                let spec = try rig.spec("a")
                let first = try await rig.engine.provision(spec)
                _ = try await first.bash("mark=7")
                await first.detach()
                let host = try await rig.engine.host()
                let record = try #require(host.ledger(spec.id)).record
                try host.control(spec.id, record).halt()
                // It died after the memory of a pause was complete and before the machine was gone.
                let saved = rig.engine.paths.paused(spec.id)
                try HostFiles.makeFolder(saved.folder, mode: 0o700)
                try saved.put(record)
                let again = try await rig.restarted().provision(spec)
                #expect(try await again.bash("echo $mark").hasPrefix("7"))
                #expect(saved.record == nil, "memory that the disk has left behind is gone")
                await again.destroy()
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `half a pause is nothing, and the files are there`() async throws {
            try await MicroVMRig.with { rig in
                let spec = try rig.spec("a")
                try await rig.withSandbox(spec) { _ = try await $0.bash("echo kept > file") }
                let saved = rig.engine.paths.paused(spec.id)
                try HostFiles.makeFolder(saved.folder, mode: 0o700)
                try HostView.write("half", to: saved.state)
                try await rig.withSandbox(spec) { sandbox async throws in
                    #expect(try await sandbox.bash("cat file").hasPrefix("kept"))
                }
                #expect(HostView.names(in: rig.engine.paths.paused) == [])
            }
        }

        @Test func `a monitor that is killed costs the programs, not the files, and the session goes on`() async throws
        {
            try await MicroVMRig.with { rig in
                let spec = try rig.spec("a")
                let first = try await rig.engine.provision(spec)
                _ = try await first.bash("echo kept > file; sync")
                let process = try #require(try await rig.engine.host().ledger(spec.id)).process
                #expect(kill(process.pid, SIGKILL) == 0)
                let error = await #expect(throws: SandboxError.self) { try await first.bash("echo") }
                #expect(error?.code == .lost)
                try await rig.withSandbox(spec) { sandbox async throws in
                    #expect(try await sandbox.bash("cat file").hasPrefix("kept"))
                }
            }
        }

        @Test func `a monitor without a ledger, and a folder without a monitor, are swept`() async throws {
            try await MicroVMRig.with { rig in
                let spec = try rig.spec("a")
                let first = try await rig.engine.provision(spec)
                await first.detach()
                #expect(unlink(rig.engine.paths.sandbox(spec.id).ledger) == 0)
                try await rig.engine.host().makeFolder(try rig.spec("b").id)
                let memory = rig.engine.paths.memory(try #require(SnapshotID("\(rig.prefix)-half")))
                try HostFiles.makeFolder(memory.folder, mode: 0o700)
                try HostView.write("half", to: memory.state)
                var old = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
                #expect(utimensat(AT_FDCWD, memory.folder, &old, 0) == 0)
                await rig.restarted().sweep(keeping: [])
                #expect(await rig.leftovers() == [])
                #expect(HostView.names(in: rig.engine.paths.memories) == [])
            }
        }
    }
}
