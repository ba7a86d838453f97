import Sandbox
import TestSupport
import Testing

@testable import Engines

/// What pause and snapshot do on this host beyond the contract.
@Suite(.serialized) struct NamespaceStateTests {
    @Test func `a paused sandbox runs nothing, and is swept when nobody wants it`() async throws {
        try await NamespaceRig.with { rig in
            let sandbox = try await rig.engine.provision(try rig.spec())
            _ = try await sandbox.bash("(while :; do echo x >> ticks; done) & sleep 0.2")
            let image = rig.engine.paths.sandbox(try rig.id()).work
            try await sandbox.pause()
            let ticks = { HostView.text("\(image)/files/ticks")?.utf8.count }
            let before = try #require(ticks())
            try await Task.sleep(for: .milliseconds(300))
            #expect(ticks() == before)
            #expect(rig.processes().isEmpty == false)
            await rig.restarted().sweep(keeping: [])
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a snapshot of a busy sandbox is whole`() async throws {
        try await NamespaceRig.with { rig in
            let name = try #require(SnapshotID("\(rig.prefix)-busy"))
            let sandbox = try await rig.engine.provision(try rig.spec())
            _ = try await sandbox.bash(
                "(for n in $(seq 100000); do echo $n > new; mv new last; dd if=/dev/urandom of=d$((n % 20)) bs=64k count=1 2>/dev/null; done) & sleep 0.5"
            )
            try await sandbox.snapshot(as: name)
            #expect(
                try await sandbox.bash("a=$(cat last); sleep 0.3; b=$(cat last); [ $b -gt $a ] && echo on").contains(
                    "on"))
            var spec = try rig.spec("copy")
            spec.source = .snapshot(name)
            let copy = try await rig.engine.provision(spec)
            #expect(try await copy.bash("[ $(cat last) -gt 0 ] && echo whole").contains("whole"))
            #expect(
                try await copy.bash("for f in d*; do [ $(stat -c %s $f) -le 65536 ] || echo torn; done; echo done")
                    .hasPrefix("done"))
            await copy.destroy()
            await sandbox.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a snapshot that does not fit the bound, or exists, is refused`() async throws {
        try await NamespaceRig.with { rig in
            let name = try #require(SnapshotID("\(rig.prefix)-s"))
            let sandbox = try await rig.engine.provision(try rig.spec())
            try await sandbox.snapshot(as: name)
            let twice = await #expect(throws: SandboxError.self) { try await sandbox.snapshot(as: name) }
            #expect(twice?.code == .unsupported)
            #expect(try await sandbox.bash("echo on").hasPrefix("on"), "a refusal leaves it running")
            var spec = try rig.spec("small")
            spec.limits.diskBytes = 32 << 20
            spec.source = .snapshot(name)
            let error = await #expect(throws: SandboxError.self) { _ = try await rig.engine.provision(spec) }
            #expect(error?.code == .unsupported)
            await sandbox.destroy()
            #expect(await rig.leftovers() == [])
        }
    }
}
