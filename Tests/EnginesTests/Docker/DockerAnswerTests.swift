import NIOHTTP1
import Sandbox
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Engines

/// Everything that a daemon sends is bounded and parsed as if an enemy had sent it, and every failure names its remedy.
@Suite(.serialized) struct DockerAnswerTests {
    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{]}", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"Id\":\"x/y\"}", "\u{0}\u{1}garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{\"Id\":1,\"Id\":2}                         ",
    ])
    func `an answer that is none leaves nothing behind`(_ answer: String) async throws {
        try await FakeDockerRig.with { rig in
            rig.fake.fail(.POST, "/containers/create", .raw(answer))
            try await rig.refuses(try rig.spec(), .protocolViolation, "the container daemon sent")
        }
    }

    @Test func `an answer without an end is given up at its bound`() async throws {
        try await FakeDockerRig.with { rig in
            rig.fake.fail(.GET, "/images/box:1/json", .flood)
            try await rig.refuses(try rig.spec(), .protocolViolation, "more than 8388608 bytes")
        }
    }

    @Test(arguments: [false, true])
    func `a daemon that does not answer in time is given up`(_ drips: Bool) async throws {
        try await FakeDockerRig.with(answerDeadline: .milliseconds(400)) { rig in
            rig.fake.fail(.GET, "/images/box:1/json", drips ? .drip : .silence)
            let begin = ContinuousClock.now
            try await rig.refuses(try rig.spec(), .timedOut, "within 0.4 seconds")
            #expect(ContinuousClock.now - begin < .seconds(10))
        }
    }

    @Test func `a create that hangs is cleaned up, and what comes of it later is swept`() async throws {
        try await FakeDockerRig.with(answerDeadline: .milliseconds(400)) { rig in
            let spec = try rig.spec()
            rig.fake.fail(.POST, "/containers/create", .silence)
            try await rig.refuses(spec, .timedOut, "create the container")
            // The daemon gets to it after all.
            rig.fake.plant(
                rig.name(spec),
                labels: [
                    (ContainerLabels.owner, rig.engine.owner), (ContainerLabels.sandbox, spec.id.rawValue),
                ], state: "created")
            await rig.restarted().sweep(keeping: [])
            #expect(rig.fake.boxes.isEmpty)
        }
    }

    @Test func `no daemon is an error that says where it was looked for`() async throws {
        let folder = "/tmp/perimeter-nowhere"
        let engine = FakeDockerRig.engine(in: folder)
        let spec = SandboxSpec(id: try #require(SandboxID("a")), limits: DockerRig.limits)
        let error = await #expect(throws: SandboxError.self) { _ = try await engine.provision(spec) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("\(folder)/docker.sock: start it") == true, "\(error?.message ?? "")")
        let report = await engine.probe()
        #expect(!report.isUsable && report.problems.contains { $0.summary.contains(folder) })
        await engine.sweep(keeping: [])
    }

    @Test(arguments: [FakeDocker.Manner.docker, .podman])
    func `errors carry the daemon's words and a remedy`(_ manner: FakeDocker.Manner) async throws {
        let cases: [(Int, String, SandboxError.Code, String)] = [
            (500, "error setting rlimit type 6: operation not permitted", .unavailable, "CAP_SYS_RESOURCE"),
            (500, "write /var/lib: no space left on device", .quotaExceeded, "make room"),
            (400, "unknown or invalid runtime name: other", .unsupported, "configuration"),
            (500, "bad \u{1B}[31mred\u{7}\nline", .unavailable, "bad  [31mred  line"),
            (503, "shutting down", .unavailable, "try again"),
        ]
        try await FakeDockerRig.with(manner) { rig in
            for (status, message, code, words) in cases {
                rig.fake.fail(.POST, "/start", .answer(status, message))
                try await rig.refuses(try rig.spec(), code, words)
            }
        }
    }

    @Test func `an image that is not there is refused before anything is made`() async throws {
        try await FakeDockerRig.with { rig in
            var spec = try rig.spec()
            spec.source = .image("library/thing:2")
            try await rig.refuses(spec, .unsupported, "docker pull library/thing:2")
            #expect(!rig.fake.requests.contains { $0.hasPrefix("POST") || $0.hasPrefix("DELETE") })
            for name in ["", "../etc", "a b", "a?b", "x%2f", "a/../b", "/a", "a//b", "-x", "a@b@c", "ä"] {
                spec.source = .image(name)
                try await rig.refuses(spec, .unsupported, "is not the name of an image")
            }
        }
    }

    @Test func `an image is fetched only where that is set, and a failure in the report is one`() async throws {
        try await FakeDockerRig.with(pulls: true) { rig in
            var spec = try rig.spec()
            spec.source = .image("fetched:1")
            rig.fake.fail(
                .POST, "/images/create",
                .raw(
                    "HTTP/1.1 200 OK\r\nContent-Length: 49\r\n\r\n{\"status\":\"Pulling\"}\n{\"error\":\"manifest unknown\"}\n"
                ))
            try await rig.refuses(spec, .unavailable, "manifest unknown")
            let sandbox = try await rig.engine.provision(spec)
            await sandbox.destroy()
            #expect(rig.fake.requests.contains { $0.contains("fromImage=fetched%3A1") })
        }
    }

    @Test(arguments: [
        (FakeDocker.image(volumes: ["/proc/x"]), "a volume at"), (FakeDocker.image(volumes: ["/run"]), "a volume at"),
        (FakeDocker.image(volumes: ["/a:/b"]), "a volume at"), (FakeDocker.image(volumes: ["/opt"]), "a volume at"),
        (FakeDocker.image(volumes: ["/a/../proc"]), "a volume at"), (FakeDocker.image(volumes: ["/"]), "a volume at"),
        (FakeDocker.image(volumes: (0..<17).map { "/v\($0)" }), "more than 16"),
        (FakeDocker.image(system: "windows"), "not for Linux"),
    ])
    func `an image that asks for too much is refused`(_ image: (facts: JSON, words: String)) async throws {
        try await FakeDockerRig.with { rig in
            rig.fake.state.withLock { $0.images["box:1"] = image.facts }
            try await rig.refuses(try rig.spec(), .unsupported, image.words)
            #expect(!rig.fake.requests.contains { $0.contains("/create") })
        }
    }

    @Test func `the interface is spoken in a version that both sides know`() async throws {
        let versions = [("1.51", "1.44", "v1.44"), ("1.41", "1.24", "v1.41"), ("1.43", "1.40", "v1.41")]
        for (newest, oldest, spoken) in versions {
            try await FakeDockerRig.with { rig in
                rig.fake.state.withLock { $0.version = (newest, oldest) }
                let sandbox = try await rig.engine.provision(try rig.spec())
                await sandbox.destroy()
                #expect(rig.fake.requests.contains { $0.hasPrefix("POST /\(spoken)/containers/create") })
            }
        }
        try await FakeDockerRig.with { rig in
            rig.fake.state.withLock { $0.version = ("1.40", "1.12") }
            try await rig.refuses(try rig.spec(), .unavailable, "use Docker 20.10")
            rig.fake.state.withLock { $0.version = ("one.forty", "") }
            try await rig.refuses(try rig.spec(), .protocolViolation, "no version")
        }
    }

    @Test(arguments: ["name=rootless", "name=userns"])
    func `a daemon that maps users is refused`(_ option: String) async throws {
        try await FakeDockerRig.with { rig in
            rig.fake.state.withLock { $0.securityOptions = [option] }
            try await rig.refuses(try rig.spec(), .unsupported, "maps users")
            #expect(await rig.engine.probe().isUsable == false)
        }
    }

    @Test func `a runtime that the daemon lacks or passes over is refused`() async throws {
        try await FakeDockerRig.with(runtime: "kata") { rig in
            try await rig.refuses(try rig.spec(), .unsupported, "no runtime 'kata'")
        }
        try await FakeDockerRig.with(runtime: "other") { rig in
            let sandbox = try await rig.engine.provision(try rig.spec())
            #expect(sandbox.boundary.contains("other"))
            await sandbox.destroy()
            rig.fake.state.withLock { $0.takesRuntime = false }
            try await rig.refuses(try rig.spec(), .unsupported, "passed over")
        }
    }
}
