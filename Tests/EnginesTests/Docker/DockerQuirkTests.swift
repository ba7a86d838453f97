import NIOHTTP1
import Sandbox
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Engines

/// The ways in which daemons answer, and fail in the middle of things.
@Suite(.serialized) struct DockerQuirkTests {
    @Test(arguments: [FakeDocker.Manner.docker, .podman])
    func `a sandbox lives from the first command to the last trace`(_ manner: FakeDocker.Manner) async throws {
        try await FakeDockerRig.with(manner) { rig in
            let spec = try rig.spec()
            let sandbox = try await rig.engine.provision(spec)
            #expect(try await sandbox.bash("mark=7; echo hi").hasPrefix("hi"))
            try await sandbox.pause()
            #expect(rig.fake.boxes.map(\.state) == ["paused"])
            let again = try await rig.restarted().provision(spec)
            #expect(try await again.bash("echo $mark").hasPrefix("7"))
            await again.destroy()
            #expect(rig.fake.boxes.isEmpty)
            #expect(rig.fake.requests.dropFirst(2).allSatisfy { $0.contains("/v1.41/") || $0 == "GET /version" })
        }
    }

    @Test func `a create that was done but not answered is adopted`() async throws {
        try await FakeDockerRig.with { rig in
            rig.fake.fail(.POST, "/containers/create", .breakAfter)
            let sandbox = try await rig.engine.provision(try rig.spec())
            #expect(rig.fake.boxes.count == 1)
            #expect(rig.fake.requests.count { $0.contains("/create?") } == 1)
            #expect(try await sandbox.bash("echo hi").hasPrefix("hi"))
            await sandbox.destroy()
        }
    }

    @Test func `a start that was done but not answered is asked for again, and 304 is no error`() async throws {
        try await FakeDockerRig.with { rig in
            rig.fake.fail(.POST, "/start", .breakAfter)
            let sandbox = try await rig.engine.provision(try rig.spec())
            #expect(rig.fake.requests.count { $0.hasSuffix("/start") } == 2)
            await sandbox.destroy()
        }
    }

    @Test(arguments: [FakeDocker.Manner.docker, .podman])
    func `a pause and its end that were done but not answered are done`(_ manner: FakeDocker.Manner) async throws {
        try await FakeDockerRig.with(manner) { rig in
            let name = try #require(SnapshotID("snap"))
            let sandbox = try await rig.engine.provision(try rig.spec())
            rig.fake.fail(.POST, "/pause", .breakAfter)
            rig.fake.fail(.POST, "/unpause", .breakAfter)
            try await sandbox.snapshot(as: name)
            #expect(rig.fake.boxes.map(\.state) == ["running"])
            #expect(await rig.engine.snapshots().map(\.id) == [name])
            // One that was not done is an error, and the sandbox stays as it was.
            rig.fake.fail(.POST, "/pause", .breakBefore)
            let error = await #expect(throws: SandboxError.self) { try await sandbox.pause() }
            #expect(error?.code == .unavailable)
            #expect(rig.fake.boxes.map(\.state) == ["running"])
            await sandbox.destroy()
        }
    }

    @Test(arguments: [FakeDocker.Manner.docker, .podman])
    func `a container of the same name is replaced when it is ours and left when it is not`(
        _ manner: FakeDocker.Manner
    ) async throws {
        try await FakeDockerRig.with(manner) { rig in
            let spec = try rig.spec()
            // It appears after the engine has looked that nothing is there.
            rig.fake.fail(.GET, "\(rig.name(spec))/json", .answer(404, "No such container"))
            rig.fake.plant(rig.name(spec), labels: [(ContainerLabels.owner, rig.engine.owner)], state: "running")
            let sandbox = try await rig.engine.provision(spec)
            #expect(rig.fake.boxes.count == 1)
            await sandbox.destroy()
            let other = try rig.spec("b")
            rig.fake.plant(rig.name(other), labels: [("made.by", "somebody")], state: "running")
            try await rig.refuses(other, .unavailable, "somebody else's container")
            #expect(rig.fake.boxes.map(\.name) == [rig.name(other)])
            // Also when it appears after the engine has looked.
            rig.fake.fail(.GET, "\(rig.name(other))/json", .answer(404, "No such container"))
            try await rig.refuses(other, .unavailable, "already in use", isClean: false)
            #expect(rig.fake.boxes.map(\.name) == [rig.name(other)])
            rig.fake.state.withLock { $0.boxes = [] }
        }
    }

    @Test(arguments: [("/start", HTTPMethod.POST), ("/json", .GET)])
    func `a container that vanishes leaves nothing`(_ place: (suffix: String, verb: HTTPMethod)) async throws {
        try await FakeDockerRig.with { rig in
            let spec = try rig.spec()
            rig.fake.fail(place.verb, "01\(place.suffix)", .vanish)
            let error = await #expect(throws: SandboxError.self) { _ = try await rig.engine.provision(spec) }
            #expect(error?.code == .lost || error?.code == .unavailable, "\(error?.description ?? "")")
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a container that vanished while nobody looked is replaced and its files are there`() async throws {
        try await FakeDockerRig.with { rig in
            let spec = try rig.spec()
            let first = try await rig.engine.provision(spec)
            _ = try await first.bash("echo kept > file; sync")
            await first.detach()
            rig.fake.fail(.GET, "/json", .vanish)
            let second = try await rig.restarted().provision(spec)
            #expect(try await second.bash("cat file").hasPrefix("kept"))
            await second.destroy()
        }
    }

    @Test func `a living sandbox is not given up because the daemon is away or the caller leaves`() async throws {
        try await FakeDockerRig.with { rig in
            var spec = try rig.spec()
            let first = try await rig.engine.provision(spec)
            _ = try await first.bash("mark=7")
            try await first.pause()
            spec.limits.processes = 30
            for (suffix, times) in [("/update", 1), ("/unpause", 1)] {
                rig.fake.fail(.POST, suffix, .breakBefore, times: times)
                let error = await #expect(throws: SandboxError.self) { _ = try await rig.restarted().provision(spec) }
                #expect(error?.code == .unavailable)
            }
            let task = Task { [spec] in
                withUnsafeCurrentTask { $0?.cancel() }
                return try await rig.restarted().provision(spec)
            }
            _ = await task.result
            let again = try await rig.restarted().provision(spec)
            #expect(try await again.bash("echo $mark").hasPrefix("7"))
            #expect(rig.fake.requests.count { $0.contains("/create?") } == 1)
            await again.destroy()
        }
    }

    @Test func `a sandbox that could not be removed is removed by the next sweep`() async throws {
        try await FakeDockerRig.with { rig in
            let spec = try rig.spec()
            let sandbox = try await rig.engine.provision(spec)
            rig.fake.fail(.DELETE, rig.fake.boxes[0].id, .answer(500, "device or resource busy"))
            await sandbox.destroy()
            #expect(rig.fake.boxes.count == 1)
            #expect(HostView.names(in: rig.folder + "/run/sandboxes").count == 1, "the ledger stays with it")
            await rig.restarted().sweep(keeping: [])
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a sweep takes what is the engine's own, and of others only what is idle and expired`() async throws {
        try await FakeDockerRig.with { rig in
            let owner = (key: ContainerLabels.owner, value: "another")
            let past = (key: ContainerLabels.expires, value: "1000")
            rig.fake.plant("nameless", labels: [(ContainerLabels.owner, rig.engine.owner)], state: "running")
            rig.fake.plant("expired", labels: [owner, past], state: "exited")
            rig.fake.plant("running", labels: [owner, past], state: "running")
            rig.fake.plant("later", labels: [owner, (ContainerLabels.expires, "99999999999")], state: "exited")
            rig.fake.plant("endless", labels: [owner], state: "exited")
            await rig.engine.sweep(keeping: [])
            #expect(Set(rig.fake.boxes.map(\.name)) == ["running", "later", "endless"])
        }
    }

    @Test func `a later request's bounds are set on the living container`() async throws {
        try await FakeDockerRig.with { rig in
            var spec = try rig.spec()
            let first = try await rig.engine.provision(spec)
            _ = try await first.bash("mark=7")
            await first.detach()
            spec.limits.processes = 30
            let second = try await rig.restarted().provision(spec)
            #expect(try await second.bash("echo $mark").hasPrefix("7"))
            #expect(rig.fake.state.withLock { $0.updates.map { $0["PidsLimit"] } } == [30])
            await second.detach()
            // The ledger has them: they are not set again.
            await (try await rig.restarted().provision(spec)).destroy()
            #expect(rig.fake.state.withLock { $0.updates.count } == 1)
        }
    }
}
