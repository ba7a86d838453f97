import Sandbox
import TestSupport
import Testing

/// What pause, snapshot and archive keep.
struct EngineState {
    let rig: any EngineRig

    func pausesAndGoesOn() async throws {
        let spec = try rig.spec("a")
        let kept = rig.provider.capabilities.pause
        let sandbox = try await rig.provider.provision(spec)
        _ = try await sandbox.bash(
            "mark=7; echo kept > file; sync; (while :; do date +%s%N > tick; sleep 0.05; done) &")
        try await sandbox.pause()
        let again = try await rig.restarted().provision(spec)
        #expect(try await again.bash("cat file").hasPrefix("kept"))
        if kept >= .processes {
            #expect(try await again.bash("echo $mark").hasPrefix("7"))
            let ticks = try await again.bash(
                "cp tick a; for n in $(seq 100); do sleep 0.2; cmp -s tick a || { echo moving; break; }; done")
            #expect(ticks.contains("moving"), "programs go on")
        }
        await again.destroy()
        #expect(await rig.leftovers() == [])
    }

    func snapshotsAndForks() async throws {
        let name = try #require(SnapshotID("\(try rig.spec("snap").id)"))
        let kept = rig.provider.capabilities.snapshot
        let original = try await rig.provider.provision(try rig.spec("a"))
        _ = try await original.bash("mark=7; echo one > file; sync")
        guard kept != .nothing else {
            let error = await #expect(throws: SandboxError.self) { try await original.snapshot(as: name) }
            #expect(error?.code == .unsupported)
            return await original.destroy()
        }
        try await original.snapshot(as: name)
        #expect(try await original.bash("echo two > file; cat file").hasPrefix("two"), "the sandbox goes on")
        var forks: [any Sandbox] = []
        for number in 0..<2 {
            var spec = try rig.spec("fork\(number)")
            spec.source = .snapshot(name)
            forks.append(try await rig.provider.provision(spec))
        }
        for (number, fork) in forks.enumerated() {
            #expect(try await fork.bash("cat file; echo \(number) > own; echo \(number) >> file").hasPrefix("one"))
            if kept >= .memory { #expect(try await fork.bash("echo $mark").hasPrefix("7")) }
        }
        for (number, fork) in forks.enumerated() {
            #expect(try await fork.bash("cat own; tail -1 file").hasPrefix("\(number)\n\(number)"))
        }
        #expect(try await original.bash("cat file own 2>&1").contains("No such file"))
        let listed = await rig.restarted().snapshots()
        #expect(listed.map(\.id) == [name] && listed[0].bytes > 0 && listed[0].keeps == kept)
        try await rig.provider.removeSnapshot(name)
        #expect(await rig.provider.snapshots() == [])
        for sandbox in forks + [original] { await sandbox.destroy() }
        #expect(await rig.leftovers() == [])
    }

    func archivesSnapshots() async throws {
        let name = try #require(SnapshotID("\(try rig.spec("snap").id)"))
        let copy = try #require(SnapshotID("\(try rig.spec("copy").id)"))
        let path = "/tmp/\(name).archive"
        let original = try await rig.provider.provision(try rig.spec("a"))
        guard rig.provider.capabilities.snapshot != .nothing else {
            let error = await #expect(throws: SandboxError.self) {
                try await rig.provider.exportSnapshot(name, to: path)
            }
            #expect(error?.code == .unsupported)
            return await original.destroy()
        }
        _ = try await original.bash("echo archived > file; sync")
        try await original.snapshot(as: name)
        await original.destroy()
        try await rig.provider.exportSnapshot(name, to: path)
        defer { HostView.remove(path) }
        try await rig.provider.removeSnapshot(name)
        try await rig.provider.importSnapshot(copy, from: path)
        var spec = try rig.spec("b")
        spec.source = .snapshot(copy)
        try await rig.withSandbox(spec) { sandbox async throws in
            #expect(try await sandbox.bash("cat file").hasPrefix("archived"))
        }
        try await rig.provider.removeSnapshot(copy)
        try HostView.write("no archive at all", to: path)
        await #expect(throws: SandboxError.self) { try await rig.provider.importSnapshot(copy, from: path) }
        #expect(await rig.provider.snapshots() == [])
    }
}
