import Glibc
import Sandbox
import TestSupport
import Testing

/// What a sandbox cannot reach or exceed.
struct EngineBounds {
    let rig: any EngineRig

    func refusesWhatItCannotBound() async throws {
        var specs = [try rig.spec("a"), try rig.spec("b"), try rig.spec("c")]
        specs[0].limits.memoryBytes = 1
        specs[1].limits.processes = 0
        specs[2].limits.diskBytes = 1
        for spec in specs { await refuses(spec) }
        #expect(await rig.leftovers() == [])
    }

    func refusesWhatItCannotGive() async throws {
        let capabilities = rig.provider.capabilities
        var spec = try rig.spec("a")
        spec.gpus = capabilities.gpus + 1
        await refuses(spec)
        spec = try rig.spec("b")
        spec.source = .snapshot(try #require(SnapshotID("no-such-snapshot")))
        await refuses(spec)
        spec = try rig.spec("c")
        spec.source = .image("/no/such/image")
        await refuses(spec)
        if !capabilities.network {
            spec = try rig.spec("d")
            spec.network = .allow(hosts: ["example.com"])
            await refuses(spec)
        }
        #expect(await rig.leftovers() == [])
    }

    private func refuses(_ spec: SandboxSpec) async {
        let error = await #expect(throws: SandboxError.self) {
            let sandbox = try await rig.provider.provision(spec)
            await sandbox.destroy()
        }
        #expect(error?.code == .unsupported)
    }

    func boundsMemory() async throws {
        guard rig.provider.capabilities.bounds.contains("memory") else {
            Issue.record("an engine must bound memory in its tests")
            return
        }
        var spec = try rig.spec("a")
        spec.limits.memoryBytes = 192 << 20
        try await rig.withSandbox(spec) { sandbox async throws in
            let text = try await sandbox.bash(
                "head -c 400M /dev/zero | tail -c 390M | wc -c; echo \"${PIPESTATUS[@]}\"", timeout: 120_000)
            #expect(!text.contains("\(390 << 20)"), "\(text)")
            #expect(try await sandbox.bash("echo alive").hasPrefix("alive"))
        }
    }

    func boundsProcesses() async throws {
        guard rig.provider.capabilities.bounds.contains("processes") else {
            Issue.record("an engine must bound processes in its tests")
            return
        }
        var spec = try rig.spec("a")
        spec.limits.processes = 40
        try await rig.withSandbox(spec) { sandbox async throws in
            let text = try await sandbox.bash(
                "for n in $(seq 200); do sleep 60 & done 2>&1; jobs -r | wc -l; kill $(jobs -p)", timeout: 120_000)
            let lines = text.split(separator: "\n").compactMap { Int($0) }
            #expect(text.contains("fork") || (lines.last ?? 200) < 100, "\(text.suffix(300))")
            let after = ToolCall(
                id: "after", input: .bash(command: "echo alive", restart: true, timeoutMilliseconds: 60_000))
            #expect("\(try await sandbox.run(after))".contains("alive"))
        }
    }

    func boundsTheDisk() async throws {
        guard rig.provider.capabilities.bounds.contains("disk") else {
            Issue.record("an engine must bound the disk in its tests")
            return
        }
        var spec = try rig.spec("a")
        spec.limits.diskBytes = 32 << 20
        try await rig.withSandbox(spec) { sandbox async throws in
            let text = try await sandbox.bash(
                "head -c 100M /dev/zero > fill; stat -c %s fill; rm fill", timeout: 120_000)
            #expect(text.contains("No space left") || text.contains("quota"), "\(text)")
            #expect(try await sandbox.bash("echo again > fill; cat fill").hasPrefix("again"))
        }
    }

    func hidesTheHost() async throws {
        setenv("PERIMETER_CONTRACT_SECRET", "canary", 1)
        let spec = try rig.spec("a")
        let places = ["/tmp", "/root", "/run", "/var/tmp"].map { "\($0)/perimeter-canary-\(spec.id)" }
        for place in places { try HostView.write("canary", to: place) }
        defer { for place in places { HostView.remove(place) } }
        try await rig.withSandbox(spec) { sandbox async throws in
            #expect(try await sandbox.bash("env").contains("canary") == false)
            let files = try await sandbox.bash("cat \(places.joined(separator: " ")) 2>/dev/null; echo done")
            #expect(files.hasPrefix("done"), "\(files)")
            let processes = try await sandbox.bash("ls -d /proc/[0-9]* | wc -l")
            #expect((processes.split(separator: "\n").first.flatMap { Int($0) } ?? 999) < 40, "\(processes)")
            let escapes = try await sandbox.bash(
                "mount -t tmpfs x /mnt 2>&1 && echo MOUNTED; mknod /tmp/sda b 8 0 2>&1 && echo NODE; "
                    + "ls /sys/fs/cgroup/*/perimeter* 2>/dev/null && echo GROUPS; echo done")
            for sign in ["MOUNTED", "NODE", "GROUPS"] { #expect(!escapes.contains(sign), "\(escapes)") }
        }
    }

    func hasNoNetwork() async throws {
        try await rig.withSandbox(try rig.spec("a")) { sandbox async throws in
            let text = try await sandbox.bash(
                """
                for a in 1.1.1.1/53 169.254.169.254/80 10.0.0.1/80; do
                  (timeout 3 bash -c "echo > /dev/tcp/$a") 2>/dev/null && echo "REACHED $a"
                done; (echo > /dev/tcp/127.0.0.1/3128) 2>/dev/null && echo PROXY; echo done
                """, timeout: 60_000)
            #expect(text.hasPrefix("done"), "\(text)")
        }
    }

    func carriesConnectionsToTheGate() async throws {
        guard rig.provider.capabilities.network else { return }
        var spec = try rig.spec("a")
        spec.network = .allow(hosts: ["example.com"])
        try await rig.withSandbox(spec) { sandbox async throws in
            let text = try await sandbox.bash(
                #"exec 3<>/dev/tcp/127.0.0.1/3128; printf 'GET http://example.com/ HTTP/1.1\r\n\r\n' >&3; head -c 40 <&3 | tr -d '\r'; echo $HTTP_PROXY $https_proxy"#,
                timeout: 60_000)
            #expect(text.contains("200 OK"), "\(text)")
            #expect(text.contains("http://127.0.0.1:3128"), "\(text)")
            #expect(rig.gate.connections == 1)
        }
    }
}
