import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

extension DockerPodmanTests {
    /// A worker is killed at every step; the next one finds what it left.
    @Suite(.serialized) struct Crashes {
        /// What happens in the process that is killed.
        static func create(in folder: String, _ socketPath: String, _ name: String) async throws {
            let id = try #require(SandboxID(name))
            let engine = DockerRig.engine(in: folder, socketPath: socketPath)
            _ = try await engine.provision(SandboxSpec(id: id, limits: DockerRig.limits))
        }

        @Test(arguments: 1...7, [false, true])
        func `nothing is left of a worker that was killed at a request`(_ request: Int, _ isAfter: Bool) async throws {
            try await DockerRig.with { rig in
                let (folder, socket, name) = (rig.folder, rig.service.socketPath, try rig.id().rawValue)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [
                        folder = folder as String, socket = socket as String, name = name as String,
                        request = request as Int, isAfter = isAfter as Bool
                    ] in
                    let relay = "\(folder)/relay.sock"
                    try await KillingRelay.start(at: relay, upstream: socket, fatal: request, isAfter: isAfter)
                    try await Crashes.create(in: folder, relay, name)
                }
                await rig.restarted().sweep(keeping: [])
                #expect(await rig.leftovers() == [])
            }
        }

        @Test(arguments: 0..<8)
        func `nothing is left of a worker that was killed at a moment`(_ moment: Int) async throws {
            try await DockerRig.with { rig in
                let (folder, socket, name) = (rig.folder, rig.service.socketPath, try rig.id().rawValue)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [
                        folder = folder as String, socket = socket as String, name = name as String,
                        moment = moment as Int
                    ] in
                    let killer = Task.detached {
                        try await Task.sleep(for: .milliseconds(5 + 23 * moment))
                        die()
                    }
                    try? await Crashes.create(in: folder, socket, name)
                    try await killer.value
                }
                await rig.restarted().sweep(keeping: [])
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a sandbox whose worker was killed goes on under the next one`() async throws {
            try await DockerRig.with { rig in
                let (folder, socket, name) = (rig.folder, rig.service.socketPath, try rig.id().rawValue)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [folder = folder as String, socket = socket as String, name = name as String] in
                    let id = try #require(SandboxID(name))
                    let engine = DockerRig.engine(in: folder, socketPath: socket)
                    let sandbox = try await engine.provision(SandboxSpec(id: id, limits: DockerRig.limits))
                    _ = try await sandbox.bash("mark=7")
                    die()
                }
                let again = try await rig.engine.provision(try rig.spec())
                #expect(try await again.bash("echo $mark").hasPrefix("7"))
                await again.destroy()
                #expect(await rig.leftovers() == [])
            }
        }
    }
}
