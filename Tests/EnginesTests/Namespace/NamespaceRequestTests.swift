import Engines
import Glibc
import Sandbox
import TestSupport
import Testing

/// What a request asks for is given or refused, never quietly changed.
@Suite(.serialized) struct NamespaceRequestTests {
    @Test func `variables of a session arrive and stay out of every command line on the host`() async throws {
        try await NamespaceRig.with { rig in
            let token = "token-of-\(rig.prefix)"
            let sandbox = try await rig.engine.provision(try rig.spec())
            _ = try await sandbox.bash("true")
            try await sandbox.configure(SandboxSettings(variables: ["MY_TOKEN": token]))
            #expect(try await sandbox.bash("echo \"$MY_TOKEN|\"").contains("\(token)|"))
            let lines = rig.processes()
            #expect(lines.count >= 3)
            for line in lines { #expect(!line.contains(token)) }
            await sandbox.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `the programs of the host that a session is likely to use trust what it brings`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                let trust = try await EngineSettings.Trust(sandbox: sandbox)
                let names = ["openssl", "curl", "python3", "git"]
                #expect(
                    try await trust.programs().filter { names.contains($0.key) }.values.sorted()
                        == Array(repeating: "refuses", count: 4))
                try await sandbox.configure(SandboxSettings(authorities: trust.authority.certificate))
                #expect(
                    try await trust.programs().filter { names.contains($0.key) }.values.sorted()
                        == Array(repeating: "trusts", count: 4))
                let list = "import ssl; print([c['subject'] for c in ssl.create_default_context().get_ca_certs()])"
                #expect(try await sandbox.bash("python3 -c \"\(list)\"").contains(TestAuthority.name))
            }
        }
    }

    @Test func `a smaller disk than the work directory already has is refused, a larger one is not`() async throws {
        try await NamespaceRig.with { rig in
            let first = try await rig.engine.provision(try rig.spec())
            _ = try await first.bash("echo kept > file")
            await first.destroy()
            var limits = NamespaceRig.limits
            limits.diskBytes /= 2
            let error = await #expect(throws: SandboxError.self) {
                _ = try await rig.engine.provision(try rig.spec(limits: limits))
            }
            #expect(error?.code == .unsupported)
            limits.diskBytes *= 4
            let second = try await rig.engine.provision(try rig.spec(limits: limits))
            #expect(try await second.bash("cat file").contains("kept"))
            await second.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a later request's bounds hold for the living sandbox it comes back to`() async throws {
        try await NamespaceRig.with { rig in
            let first = try await rig.engine.provision(try rig.spec())
            await first.detach()
            var limits = NamespaceRig.limits
            limits.processes = 30
            let later = try await NamespaceRig.engine(in: rig.folder).provision(try rig.spec(limits: limits))
            let bound = rig.groups().compactMap { HostView.text($0 + "/pids.max") }
            #expect(bound == ["30\n"])
            await later.destroy()
        }
    }

    @Test func `nothing of the worker is open in the processes of a sandbox`() async throws {
        try await NamespaceRig.with { rig in
            let secret = open(rig.folder, O_RDONLY | O_DIRECTORY)
            defer { close(secret) }
            try await rig.withSandbox { sandbox in
                _ = try await sandbox.bash("sleep 100 & disown")
                let processes = rig.processes().compactMap { $0.split(separator: " ").first }
                #expect(processes.count >= 3)
                for pid in processes {
                    let targets = HostView.names(in: "/proc/\(pid)/fd").compactMap {
                        HostView.link("/proc/\(pid)/fd/\($0)")
                    }
                    #expect(!targets.isEmpty)
                    for target in targets {
                        let kinds = ["socket:", "pipe:", "anon_inode:", "/dev/null", "/memfd:", "/workspace", "/proc"]
                        let isExpected =
                            ["/", "/tmp", "/usr"].contains(target) || kinds.contains { target.hasPrefix($0) }
                        #expect(isExpected, "\(pid): \(target)")
                    }
                }
            }
        }
    }
}
