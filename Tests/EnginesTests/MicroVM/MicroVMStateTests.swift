import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

extension MicroVMTests {
    /// What copies of a machine share and what they do not, and what is left of memory that cannot be used.
    @Suite struct MicroVMStateTests {
        private static let number = "od -An -tx8 -N8 /dev/urandom"

        @Test func `copies of a machine draw different random numbers and know the time`() async throws {
            try await MicroVMRig.with { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let first = try await rig.engine.provision(try rig.spec("a"))
                try await first.snapshot(as: name)
                var machines: [any Sandbox] = [first, try await rig.engine.provision(try rig.spec("b"))]
                for fork in ["c", "d"] {
                    var spec = try rig.spec(fork)
                    spec.source = .snapshot(name)
                    machines.append(try await rig.engine.provision(spec))
                }
                var numbers: Set<String> = []
                for machine in machines {
                    let before = time(nil)
                    let lines = try await machine.bash("\(Self.number); date +%s").split(whereSeparator: \.isWhitespace)
                    numbers.insert(String(try #require(lines.first)))
                    let clock = try #require(lines.dropFirst().first.flatMap { Int($0) })
                    #expect((before - 2...time(nil) + 2).contains(clock))
                }
                #expect(numbers.count == machines.count)
                for machine in machines { await machine.destroy() }
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a snapshot has all files, and gives only them where its memory does not fit`() async throws {
            try await MicroVMRig.with { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let first = try await rig.engine.provision(try rig.spec("a"))
                // Nobody inside asks for it to be written back.
                _ = try await first.bash("mark=7; echo text > file; head -c 3M /dev/urandom > big; md5sum big > sum")
                try await first.snapshot(as: name)
                let twice = await #expect(throws: SandboxError.self) { try await first.snapshot(as: name) }
                #expect(twice?.code == .unsupported)
                await first.destroy()
                #expect(await rig.engine.snapshots().map(\.keeps) == [.memory])
                var spec = try rig.spec("b")
                spec.source = .snapshot(name)
                spec.limits.processes -= 1
                let fork = try await rig.engine.provision(spec)
                #expect(try await fork.bash("cat file; echo [$mark]; md5sum -c sum").hasPrefix("text\n[]\nbig: OK"))
                _ = try await fork.bash("echo own > file")
                await fork.destroy()
                // A later life of the session goes on with its own files and not with the snapshot's memory.
                let later = try await rig.engine.provision(spec)
                #expect(try await later.bash("cat file; echo [$mark]").hasPrefix("own\n[]"))
                await later.destroy()
                // Memory without the very files that it was kept with is nothing.
                let memory = rig.engine.paths.memory(name)
                try HostView.write("guest-other", to: memory.folder + "/mark")
                #expect(await rig.engine.snapshots().map(\.keeps) == [.files])
                try await rig.engine.removeSnapshot(name)
                #expect(HostView.names(in: rig.engine.paths.memories) == [])
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `an imported snapshot brings files and never memory`() async throws {
            try await MicroVMRig.with { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let path = rig.folder + "/archive"
                let first = try await rig.engine.provision(try rig.spec("a"))
                _ = try await first.bash("mark=7; echo text > file")
                try await first.snapshot(as: name)
                await first.destroy()
                try await rig.engine.exportSnapshot(name, to: path)
                // As if the snapshot had gone and its memory had stayed: the archive says the same mark.
                rig.engine.shelf.remove(name)
                try await rig.engine.importSnapshot(name, from: path)
                #expect(await rig.engine.snapshots().map(\.keeps) == [.files])
                var spec = try rig.spec("b")
                spec.source = .snapshot(name)
                try await rig.withSandbox(spec) { sandbox async throws in
                    #expect(try await sandbox.bash("cat file; echo [$mark]").hasPrefix("text\n[]"))
                }
            }
        }

        @Test func `a paused machine whose memory is damaged goes on with its files`() async throws {
            try await MicroVMRig.with { rig in
                let spec = try rig.spec("a")
                let saved = rig.engine.paths.paused(spec.id)
                let damage: [(String) -> Void] = [
                    { truncate($0, 100_000) }, { truncate($0, 0) },
                    { path in
                        let file = open(path, O_WRONLY)
                        _ = pwrite(file, [UInt8](repeating: 0xFF, count: 4096), 4096, 8192)
                        close(file)
                    },
                ]
                for (round, damage) in damage.enumerated() {
                    let sandbox = try await rig.engine.provision(spec)
                    _ = try await sandbox.bash("mark=7; echo \(round) > file")
                    try await sandbox.pause()
                    #expect(rig.processes() == [] && saved.record != nil)
                    damage(saved.state)
                    let again = try await rig.engine.provision(spec)
                    // Damage in the guest's own memory shows later or never: what counts is that the host goes on.
                    #expect(try await again.bash("cat file").hasPrefix("\(round)"), "round \(round)")
                    #expect(saved.record == nil)
                    await again.destroy()
                }
                #expect(await rig.leftovers() == [])
            }
        }
    }
}
