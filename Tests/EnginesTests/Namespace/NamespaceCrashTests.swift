import CLinux
import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// A worker may die between any two steps; what the steps left is found by the next one.
@Suite(.serialized) struct NamespaceCrashTests {
    @Test func `a sweep removes what a worker left that died while creating`() async throws {
        try await NamespaceRig.with { rig in
            for step in 1...3 {
                let spec = try rig.spec("step\(step)")
                try rig.engine.prepareHost(diskBytes: spec.limits.diskBytes)
                let paths = rig.engine.paths.sandbox(spec.id)
                try HostFiles.makeFolder(paths.folder, mode: 0o711)
                if step >= 2 { try rig.engine.groups.create(spec.id, spec.limits) }
                if step >= 3 { try rig.engine.disk.open(spec.id, bytes: spec.limits.diskBytes, owner: 0) }
            }
            #expect(rig.mounts().count == 1)
            #expect(rig.groups().count > 2)
            await NamespaceRig.engine(in: rig.folder).sweep(keeping: [])
            #expect(await rig.leftovers() == [])
            #expect(HostView.names(in: rig.folder + "/run/sandboxes") == [])
        }
    }

    @Test func `a sandbox that was started but not written down is found by its groups`() async throws {
        try await NamespaceRig.with { rig in
            let sandbox = try await rig.engine.provision(try rig.spec())
            await sandbox.detach()
            let path = rig.engine.paths.sandbox(try rig.id()).ledger
            let ledger = try #require(HostView.text(path).flatMap { SandboxLedger(parsing: $0) })
            unlink(path)
            await NamespaceRig.engine(in: rig.folder).sweep(keeping: [])
            // Here, unlike after a crash, it is a child of this process. An exit test waits behind every zombie.
            ledger.collect()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `an image is not mounted a second time`() async throws {
        try await NamespaceRig.with { rig in
            let sandbox = try await rig.engine.provision(try rig.spec())
            let other = rig.folder + "/second"
            #expect(mkdir(other, 0o755) == 0)
            #expect(clinux_mount_image(rig.engine.paths.sandbox(try rig.id()).image, other) == -1)
            #expect(errno == EBUSY)
            await sandbox.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a ledger is read back as it was written, and nothing else is a ledger`() {
        let ledger = SandboxLedger(pid: 4711, startedAt: 1_234_567, hasProxy: true)
        #expect(SandboxLedger(parsing: ledger.text) == ledger)
        for text in ["", "2 1 1 proxy\n", "1 x 1 proxy\n", "1 1 -1 closed\n", "1 1 1\n", "1 1 1 maybe\n", "\0\0\0"] {
            #expect(SandboxLedger(parsing: text) == nil)
        }
        // The first process of the machine is no sandbox that started at another time.
        #expect(!SandboxLedger(pid: 1, startedAt: 1, hasProxy: false).isAlive)
    }

    @Test func `bounds are written in the words of both versions`() {
        let limits = ResourceLimits(memoryBytes: 1000, processes: 10, cpuPercent: 150)
        let all: Set<String> = ["memory", "pids", "cpu"]
        func lines(_ isUnified: Bool) -> Set<String> {
            Set(ControlGroups.bounds(limits, all, isUnified: isUnified).map { "\($0.file)=\($0.value)" })
        }
        #expect(lines(true) == ["memory.max=1000", "pids.max=10", "cpu.max=150000 100000"])
        #expect(
            lines(false) == [
                "memory.limit_in_bytes=1000", "pids.max=10", "cpu.cfs_period_us=100000", "cpu.cfs_quota_us=150000",
            ])
    }

    @Test func `bounds that the host cannot enforce are refused, or named when they were allowed to be missing`()
        async throws
    {
        try await NamespaceRig.with { rig in
            let strict = NamespaceRig.engine(in: rig.folder, cgroupRoot: rig.folder)
            let error = await #expect(throws: SandboxError.self) { _ = try await strict.provision(try rig.spec()) }
            #expect(error?.code == .unsupported)
            let report = await strict.probe()
            #expect(!report.isUsable)
            #expect(report.problems.count { $0.isFatal && $0.summary.contains("controller") } == 3)
            let weaker = NamespaceRig.engine(in: rig.folder, cgroupRoot: rig.folder, allowsWeakerLimits: true)
            let sandbox = try await weaker.provision(try rig.spec())
            #expect(sandbox.boundary.contains("NOT bounded: memory, processes, CPU"))
            #expect(try await sandbox.bash("echo hi").contains("hi"))
            await sandbox.destroy()
            #expect(await rig.leftovers() == [])
        }
    }
}
