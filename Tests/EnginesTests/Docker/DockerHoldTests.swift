import Glibc
import NIOHTTP1
import Sandbox
import TestSupport
import Testing
import Wire

@testable import Engines

extension DockerPodmanTests {
    /// What holds the programs inside, seen from inside and from the kernel.
    @Suite(.serialized) struct Hold {
        @Test func `programs have no privilege, no way to gain one, and no place to write but their own`() async throws
        {
            try await DockerRig.with { rig in
                try await rig.withSandbox(try rig.spec()) { sandbox async throws in
                    let status = try await sandbox.bash("grep -E 'Uid|Cap|NoNewPrivs|Seccomp:' /proc/self/status")
                    #expect(status.contains("Uid:\t1000\t1000\t1000\t1000"))
                    for line in ["CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                        #expect(status.contains("\(line):\t0000000000000000"), "\(status)")
                    }
                    #expect(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"))
                    let writable = try await sandbox.bash(
                        "for d in / /usr/bin /etc /opt /opt/perimeter /run /var /sys/fs/cgroup /proc/sys/kernel /dev; do "
                            + "touch $d/x 2>/dev/null && echo WROTE $d; done; echo x > /opt/perimeter/execd; echo done")
                    #expect(!writable.contains("WROTE") && writable.contains("Read-only file system"), "\(writable)")
                    let mounts = try await sandbox.bash(
                        "while read -r _ place _; do [ -d $place ] && [ -w $place ] && echo $place; done < /proc/mounts; echo done"
                    )
                    let places = Set(mounts.split(separator: "\n").prefix { $0 != "done" }.map(String.init))
                    #expect(places == ["/tmp", "/var/tmp", "/workspace", "/dev/shm", "/dev/mqueue"], "\(mounts)")
                    #expect(
                        sandbox.boundary.contains("Podman") && sandbox.boundary.contains("the host's kernel is shared"))
                }
            }
        }

        @Test func `programs cannot reach the daemon's socket, its token, or its memory`() async throws {
            try await DockerRig.with { rig in
                let spec = try rig.spec()
                try await rig.withSandbox(spec) { sandbox async throws in
                    let ledger = try #require(await rig.engine.ledger(spec.id))
                    let text = try await sandbox.bash(
                        "ls -la /run/perimeter 2>&1; stat -c '%a %u' /run/perimeter; cat /proc/1/environ 2>&1; "
                            + "ls /proc/1/fd 2>&1; env; (exec 3<>/run/perimeter/execd.sock) 2>&1; "
                            + "/opt/perimeter/execd --bridge /run/perimeter/execd.sock </dev/null 2>&1; cat /proc/1/mem 2>&1"
                    )
                    #expect(text.contains("700 0"), "\(text)")
                    #expect(!text.contains(ledger.token.exposed))
                    #expect(text.components(of: "Permission denied") >= 4, "\(text)")
                    // From the host's root it is there.
                    #expect(rig.engine.socket(spec.id).isThere)
                }
            }
        }

        @Test func `the environment is the session's and nothing of the daemon's`() async throws {
            try await DockerRig.with { rig in
                try await rig.withSandbox(try rig.spec()) { sandbox async throws in
                    try await sandbox.configure(
                        SandboxSettings(variables: ["WITH_SPACE": "a b\nc=\"d\" ü", "HOME": "/tmp"]))
                    let text = try await sandbox.bash("env; echo \"<$WITH_SPACE>\"")
                    #expect(text.contains("<a b\nc=\"d\" ü>"))
                    #expect(text.contains("HOME=/tmp"))
                    #expect(!text.contains("podman-canary"), "\(text)")
                    #expect(!text.contains("PERIMETER"), "\(text)")
                }
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `memory file systems are bounded`() async throws {
            try await DockerRig.with { rig in
                try await rig.withSandbox(try rig.spec()) { sandbox async throws in
                    for (folder, unit) in [("/tmp", 12), ("/var/tmp", 1), ("/dev/shm", 4)] {
                        let text = try await sandbox.bash(
                            "head -c 100M /dev/zero > \(folder)/fill; stat -c %s \(folder)/fill; rm \(folder)/fill")
                        #expect(text.contains("No space left"), "\(folder): \(text)")
                        #expect(text.contains("\(unit * (128 << 20) / 32)"), "\(folder): \(text)")
                    }
                }
            }
        }

        @Test func `what an image declares starts nothing and writes nowhere else`() async throws {
            try await DockerRig.with { rig in
                let image = try await rig.committed([
                    "VOLUME /data", "ENV FROM_IMAGE=yes", "ENTRYPOINT [\"/usr/bin/sleep\",\"9\"]",
                ])
                var spec = try rig.spec()
                spec.source = .image(image)
                try await rig.withSandbox(spec) { sandbox async throws in
                    #expect(
                        try await sandbox.bash("echo $FROM_IMAGE; cat /proc/1/cmdline").hasPrefix("yes\n/opt/perimeter")
                    )
                    let text = try await sandbox.bash("head -c 100M /dev/zero > /data/fill; echo done")
                    #expect(text.contains("No space left"), "\(text)")
                    #expect(try await rig.get("/volumes")["Volumes"]?.arrayValue?.isEmpty ?? true, "no volume is made")
                }
            }
        }

        @Test func `a container that is not held is refused and removed`() async throws {
            try await DockerRig.with { rig in
                // Another executable than the one that was mounted: what runs is not what was asked for.
                let another = try #require(FileIdentity("/bin/true"))
                let wrong = DockerRig.engine(
                    in: rig.folder, socketPath: rig.service.socketPath,
                    confinement: { pid, _ in
                        ContainerConfinement.read(pid, executable: another, cgroupRoot: "/sys/fs/cgroup")
                    })
                let error = await #expect(throws: SandboxError.self) { _ = try await wrong.provision(try rig.spec()) }
                #expect(error?.code == .unsupported)
                #expect(error?.message.contains("does not run the daemon on this host's kernel") == true)
                // Control groups that cannot be seen cannot be vouched for.
                let blind = DockerRig.engine(
                    in: rig.folder, socketPath: rig.service.socketPath,
                    confinement: { ContainerConfinement.read($0, executable: $1, cgroupRoot: "/nowhere") })
                let loose = await #expect(throws: SandboxError.self) { _ = try await blind.provision(try rig.spec()) }
                #expect(
                    loose?.message.contains("its memory is not bounded, its processes is") == true,
                    "\(loose?.message ?? "")")
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a runtime with a kernel of its own is refused, for the socket does not get out of it`() async throws
        {
            try await DockerRig.with { rig in
                let wrapper = rig.folder + "/runsc"
                try ProgramFile.write(
                    "#!/bin/sh\nexec /usr/bin/runsc --platform=ptrace --network=none --ignore-cgroups \"$@\"\n",
                    to: wrapper)
                let another = try await rig.service.another(runtime: wrapper)
                let engine = DockerRig.engine(
                    in: rig.folder, socketPath: another.socketPath, readyDeadline: .seconds(2))
                let error = await #expect(throws: SandboxError.self) { _ = try await engine.provision(try rig.spec()) }
                await another.end()
                #expect(error?.code == .unsupported, "\(error?.description ?? "")")
                #expect(error?.message.contains("does not run the daemon on this host's kernel") == true)
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a runtime that Podman passes over is refused`() async throws {
            try await DockerRig.with { rig in
                let engine = rig.engine(runtime: "crun")
                let error = await #expect(throws: SandboxError.self) { _ = try await engine.provision(try rig.spec()) }
                #expect(error?.code == .unsupported)
                #expect(error?.message.contains("containers.conf") == true, "\(error?.message ?? "")")
                #expect(await rig.leftovers() == [])
            }
        }
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}

extension DockerRig {
    func get(_ path: String) async throws -> JSON {
        let answer = try await DaemonExchange(socketPath: service.socketPath, deadline: .seconds(60)).run(
            DaemonExchange.Request(method: .GET, uri: "/v1.41" + path))
        return try JSON(parsing: answer.body)
    }

    /// An image like the suite's with these changes, under a name of its own. - Returns: its name.
    func committed(_ changes: [String]) async throws -> String {
        let name = "localhost/perimeter-\(prefix)"
        let found = try await service.daemon.image(try #require(ImageReference(PodmanService.image)))
        let container = try await service.daemon.create(
            "base-\(prefix)", ["Image": .string(try #require(found).id), "Cmd": ["true"]])
        let query = changes.map { "&changes=" + ContainerDaemon.encoded($0) }.joined()
        let answer = try await DaemonExchange(socketPath: service.socketPath, deadline: .seconds(60)).run(
            DaemonExchange.Request(
                method: .POST, uri: "/v1.41/commit?container=\(container)&repo=\(name)&tag=1\(query)",
                body: Array("{}".utf8)))
        try await service.daemon.remove(container)
        guard answer.status == 201 else { throw PodmanService.Failure(String(decoding: answer.body, as: UTF8.self)) }
        return name + ":1"
    }
}
