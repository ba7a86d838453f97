import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

extension DockerPodmanTests {
    @Suite(.serialized) struct Life {
        @Test func `a container that was killed from outside is replaced and its files are there`() async throws {
            try await DockerRig.with { rig in
                let spec = try rig.spec()
                let first = try await rig.engine.provision(spec)
                _ = try await first.bash("echo kept > file; sync")
                let facts = try #require(try await rig.service.daemon.inspect(rig.engine.containerName(spec.id)))
                kill(facts.pid, SIGKILL)
                let error = await #expect(throws: SandboxError.self) { _ = try await first.bash("echo no") }
                #expect(error?.code == .lost)
                await first.detach()
                try await rig.withSandbox(spec) { sandbox async throws in
                    #expect(try await sandbox.bash("cat file").hasPrefix("kept"))
                }
            }
        }

        @Test func `a later request's bounds hold, where the daemon cannot set them by a new container`() async throws {
            try await DockerRig.with { rig in
                var spec = try rig.spec()
                let first = try await rig.engine.provision(spec)
                _ = try await first.bash("echo kept > file; sync")
                await first.detach()
                spec.limits.processes = 30
                let second = try await rig.engine.provision(spec)
                #expect(try await second.bash("cat file").hasPrefix("kept"))
                let facts = try #require(try await rig.service.daemon.inspect(rig.engine.containerName(spec.id)))
                let group = try #require(HostView.text("/proc/\(facts.pid)/cgroup"))
                let line = try #require(group.split(separator: "\n").first { $0.contains(":pids:") })
                let path = line.split(separator: ":").last ?? ""
                #expect(HostView.text("/sys/fs/cgroup/pids\(path)/pids.max") == "30\n")
                await second.destroy()
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a paused sandbox uses no time and a destroyed one does not come back`() async throws {
            try await DockerRig.with { rig in
                let spec = try rig.spec()
                let first = try await rig.engine.provision(spec)
                _ = try await first.bash("mark=7; (while :; do :; done) & disown")
                try await first.pause()
                let facts = try #require(try await rig.service.daemon.inspect(rig.engine.containerName(spec.id)))
                #expect(facts.isPaused)
                await rig.engine.remove(spec.id)
                #expect(await rig.leftovers() == [])
                try await rig.withSandbox(spec) { sandbox async throws in
                    #expect(try await sandbox.bash("echo \"<$mark>\"").hasPrefix("<>"))
                }
            }
        }

        @Test func `many sandboxes at once come up and go away`() async throws {
            try await DockerRig.with { rig in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<8 {
                        group.addTask {
                            let sandbox = try await rig.engine.provision(try rig.spec("n\(number)"))
                            let text = try await sandbox.bash("echo number \(number)")
                            await sandbox.destroy()
                            return text.contains("number \(number)")
                        }
                    }
                    for try await isRight in group { #expect(isRight) }
                }
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `the longest names and folders work`() async throws {
            try await DockerRig.with { rig in
                let folder = rig.folder + "/" + String(repeating: "d", count: 100)
                let engine = DockerRig.engine(in: folder, socketPath: rig.service.socketPath)
                let name = "\(rig.prefix)-" + String(repeating: "N", count: 63 - rig.prefix.count)
                let spec = SandboxSpec(id: try #require(SandboxID(name)), limits: DockerRig.limits)
                let sandbox = try await engine.provision(spec)
                #expect(try await sandbox.bash("echo hi").hasPrefix("hi"))
                await sandbox.destroy()
                await engine.shutdown()
                #expect(HostView.names(in: folder) == ["state"])
            }
        }

        @Test func `a sandbox outlives an update of the worker`() async throws {
            try await DockerRig.with { rig in
                let spec = try rig.spec()
                let first = try await rig.engine.provision(spec)
                _ = try await first.bash("mark=7")
                await first.detach()
                // The update brings another executable and leaves the old one to whoever has it open.
                try HostFiles.copy(DockerRig.execd, to: rig.engine.paths.execd, mode: 0o755)
                let later = try await rig.restarted().provision(spec)
                #expect(try await later.bash("echo $mark").hasPrefix("7"))
                await later.destroy()
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a sandbox outlives the container daemon, and a second daemon finds it`() async throws {
            try await DockerRig.with { rig in
                let spec = try rig.spec()
                let first = try await rig.engine.provision(spec)
                _ = try await first.bash("mark=7")
                let another = try await rig.service.another()
                let engine = DockerRig.engine(in: rig.folder, socketPath: another.socketPath)
                let again = try await engine.provision(spec)
                #expect(try await again.bash("echo $mark").hasPrefix("7"))
                await again.destroy()
                await another.end()
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `nothing is left when the daemon inside cannot start`() async throws {
            try await DockerRig.with { rig in
                let engine = rig.engine(execd: "/bin/true")
                let error = await #expect(throws: SandboxError.self) { _ = try await engine.provision(try rig.spec()) }
                #expect(error?.code == .unavailable, "\(error?.description ?? "")")
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a probe starts a sandbox and says what it found`() async throws {
            try await DockerRig.with { rig in
                let report = await rig.engine.probe()
                #expect(report.isUsable && report.problems == [], "\(report.problems)")
                #expect(report.boundary.contains("Podman 4") && report.boundary.contains("runc"), "\(report.boundary)")
                #expect(HostView.names(in: rig.folder + "/state/workspaces") == [])
                let without = await rig.engine(image: "localhost/nothing:1").probe()
                #expect(!without.isUsable)
                #expect(without.problems.contains { $0.isFatal && $0.remedy == "docker pull localhost/nothing:1" })
                let bare = await rig.engine(execd: "/nowhere/execd").probe()
                #expect(bare.problems.contains { $0.summary.contains("/nowhere/execd") })
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a cancelled provision leaves nothing`() async throws {
            try await DockerRig.with { rig in
                for pause in [0, 30, 90] {
                    let task = Task { try await rig.engine.provision(try rig.spec("c\(pause)")) }
                    try await Task.sleep(for: .milliseconds(pause))
                    task.cancel()
                    // A sandbox that was finished all the same is the caller's.
                    if case .success(let sandbox) = await task.result { await sandbox.destroy() }
                }
                #expect(await rig.leftovers() == [])
            }
        }
    }
}
