import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

extension OCITests {
    /// What is kept of the programs of a kernel in user space, and what is left where their memory cannot be used.
    @Suite(.serialized) struct Memory {
        static let ticker = "(while :; do date +%s%N > tick; sleep 0.05; done) &"
        /// Prints `moving` once the ticker has gone on.
        static let look = "cp tick a; for n in $(seq 100); do sleep 0.1; cmp -s tick a || { echo moving; break; }; done"

        @Test func `five sandboxes start in the middle of what ran, each with files of its own`() async throws {
            try await OCIRig.with(.runsc) { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let first = try await rig.engine.provision(try rig.spec("a"))
                _ = try await first.bash("mark=7; echo one > file; exec 5>> log; echo first >&5; \(Self.ticker)")
                try await first.snapshot(as: name)
                #expect(await rig.engine.snapshots().map(\.keeps) == [.memory])
                var forks: [any Sandbox] = []
                for number in 0..<5 {
                    var spec = try rig.spec("f\(number)")
                    spec.source = .snapshot(name)
                    forks.append(try await rig.engine.provision(spec))
                }
                for (number, fork) in forks.enumerated() {
                    let text = try await fork.bash("echo $mark; echo \(number) >&5; cat file log; \(Self.look)")
                    #expect(text.hasPrefix("7\none\nfirst\n\(number)\nmoving"), "\(text)")
                }
                let text = try await first.bash("echo $mark; cat log; \(Self.look)")
                #expect(text.hasPrefix("7\nfirst\nmoving"), "the original goes on: \(text)")
                for sandbox in forks + [first] { await sandbox.destroy() }
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a call that runs while a snapshot is made is answered, and ran once`() async throws {
            try await OCIRig.with(.runsc) { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                try await rig.withSandbox(try rig.spec()) { sandbox async throws in
                    let call = ToolCall(
                        id: "long",
                        input: .bash(
                            command: "echo run >> log; until [ -e go ]; do sleep 0.05; done; cat log", restart: false,
                            timeoutMilliseconds: 120_000))
                    async let answer = sandbox.run(call)
                    while try await sandbox.journal()["long"] == nil { await Task.yield() }
                    try await sandbox.snapshot(as: name)
                    try await sandbox.put([], at: "/workspace/go", mode: 0o644)
                    #expect("\(try await answer)".contains("run"))
                    #expect(try await sandbox.bash("wc -l < log").hasPrefix("1"))
                }
            }
        }

        /// gVisor ends a container that has such files when its memory is to be saved.
        @Test func `programs with open files that are gone are frozen, and their snapshots have files`() async throws {
            try await OCIRig.with(.runsc) { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let spec = try rig.spec()
                let sandbox = try await rig.engine.provision(spec)
                _ = try await sandbox.bash("mark=7; echo text > file; exec 6> gone; rm gone")
                try await sandbox.snapshot(as: name)
                #expect(await rig.engine.snapshots().map(\.keeps) == [.files])
                #expect(try await sandbox.bash("echo $mark").hasPrefix("7"))
                try await sandbox.pause()
                #expect(rig.engine.paths.pausedContainer(spec.id).record == nil)
                let again = try await rig.restarted().provision(spec)
                #expect(try await again.bash("echo $mark; echo more >&6 && cat file").hasPrefix("7\ntext"))
                await again.destroy()
                var fork = try rig.spec("b")
                fork.source = .snapshot(name)
                try await rig.withSandbox(fork) { sandbox async throws in
                    #expect(try await sandbox.bash("cat file; echo [$mark]").hasPrefix("text\n[]"))
                }
            }
        }

        @Test func `memory that is damaged, or does not fit, leaves the files`() async throws {
            try await OCIRig.with(.runsc) { rig in
                let spec = try rig.spec()
                let saved = rig.engine.paths.pausedContainer(spec.id)
                for round in 0..<3 {
                    let sandbox = try await rig.engine.provision(spec)
                    _ = try await sandbox.bash("mark=7; echo \(round) > file")
                    try await sandbox.pause()
                    #expect(rig.processes() == [] && saved.record != nil, "round \(round)")
                    var next = spec
                    switch round {
                    case 0: truncate("\(saved.image)/checkpoint.img", 1000)
                    case 1: try HostView.write("container-1 nonsense", to: "\(saved.folder)/container")
                    default: next.limits.processes -= 1
                    }
                    let again = try await rig.engine.provision(next)
                    #expect(try await again.bash("cat file; echo [$mark]").hasPrefix("\(round)\n[]"))
                    #expect(saved.record == nil)
                    await again.destroy()
                    #expect(HostView.names(in: rig.engine.paths.paused) == [], "round \(round)")
                }
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `an imported snapshot brings files and never memory`() async throws {
            try await OCIRig.with(.runsc) { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let path = rig.folder + "/archive"
                let first = try await rig.engine.provision(try rig.spec("a"))
                _ = try await first.bash("mark=7; echo text > file")
                try await first.snapshot(as: name)
                let twice = await #expect(throws: SandboxError.self) { try await first.snapshot(as: name) }
                #expect(twice?.code == .unsupported)
                #expect(try await first.bash("echo $mark").hasPrefix("7"))
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
    }
}
