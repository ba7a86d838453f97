import Glibc
import Sandbox
import TestSupport
import Testing
import Wire

@testable import Engines

/// An engine with folders of its own on a fake daemon.
struct FakeDockerRig: Sendable {
    let fake: FakeDocker
    let folder: String
    let engine: DockerEngine
    private let number: String

    static func with(
        _ manner: FakeDocker.Manner = .docker, pulls: Bool = false, runtime: String? = nil, image: String = "box:1",
        answerDeadline: Duration = .seconds(30), _ body: (FakeDockerRig) async throws -> Void
    ) async throws {
        let number = String(UInt32.random(in: 0...UInt32.max), radix: 36)
        let folder = "/tmp/perimeter-f\(number)"
        guard mkdir(folder, 0o755) == 0 else { throw PodmanService.Failure("no folder") }
        defer { HostView.removeTree(folder) }
        let fake = FakeDocker(folder: folder, manner: manner)
        let rig = FakeDockerRig(
            fake: fake, folder: folder,
            engine: engine(
                in: folder, pulls: pulls, runtime: runtime, image: image, answerDeadline: answerDeadline),
            number: number)
        try await fake.serve {
            do { try await body(rig) } catch {
                await rig.engine.sweep(keeping: [])
                throw error
            }
            await rig.engine.sweep(keeping: [])
            #expect(await rig.leftovers() == [])
        }
    }

    static func engine(
        in folder: String, pulls: Bool = false, runtime: String? = nil, image: String = "box:1",
        answerDeadline: Duration = .seconds(30)
    ) -> DockerEngine {
        DockerRig.engine(
            in: folder, socketPath: folder + "/docker.sock", image: image, pulls: pulls, runtime: runtime,
            answerDeadline: answerDeadline, confinement: { _, _ in .kept })
    }

    func restarted() -> DockerEngine { Self.engine(in: folder) }

    func spec(_ name: String = "a") throws -> SandboxSpec {
        SandboxSpec(id: try #require(SandboxID("f\(number)-\(name)")), limits: DockerRig.limits)
    }

    func name(_ spec: SandboxSpec) -> String { engine.containerName(spec.id) }

    /// What is left besides files, after a moment for the kernel. Containers of others are not.
    func leftovers() async -> [String] {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            let mounts = (HostView.text("/proc/self/mountinfo") ?? "").split(separator: "\n").filter {
                $0.contains(folder)
            }
            let boxes = fake.boxes.filter { $0.request["Labels"]?[ContainerLabels.owner]?.stringValue == engine.owner }
            let found = mounts.map(String.init) + boxes.map(\.name) + HostView.names(in: folder + "/run/sandboxes")
            if found.isEmpty || ContinuousClock.now > deadline { return found }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Provisioning must fail; what was made on the way is gone.
    func refuses(
        _ spec: SandboxSpec, _ code: SandboxError.Code, _ words: String, isClean: Bool = true
    ) async throws {
        let error = await #expect(throws: SandboxError.self) { _ = try await engine.provision(spec) }
        #expect(error?.code == code, "\(error?.description ?? "")")
        #expect(error?.message.contains(words) == true, "\(error?.description ?? "")")
        if isClean { #expect(await leftovers() == []) }
    }
}

extension ContainerConfinement {
    /// What the kernel says about a process that is held as it should be.
    static let kept = ContainerConfinement(
        status: """
            Name:\texecd
            Uid:\t1000\t1000\t1000\t1000
            Gid:\t1000\t1000\t1000\t1000
            Groups:\t1000 
            CapInh:\t0000000000000000
            CapPrm:\t0000000000000000
            CapEff:\t0000000000000000
            CapBnd:\t0000000000000000
            CapAmb:\t0000000000000000
            NoNewPrivs:\t1
            Seccomp:\t2

            """,
        groups: "0::/box\n", sharedNamespaces: [], runsDaemon: true,
        groupFile: { ["/box/memory.max": "4096\n", "/box/pids.max": "8\n", "/box/cpu.max": "1000 100000\n"][$0] })
}
