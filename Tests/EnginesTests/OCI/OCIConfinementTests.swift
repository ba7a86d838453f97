import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

extension OCITests {
    /// What a container of the real runtimes looks like from inside and from the host.
    @Suite(.serialized) struct Confinement {
        @Test(arguments: [OCIRuntime.crun, .runc])
        func `programs have no capabilities, a filter, and users that are nobody's`(_ runtime: OCIRuntime) async throws
        {
            try await OCIRig.with(runtime) { rig in
                let before = try #require(NodeOwner("/dev/null"))
                try await rig.withSandbox(try rig.spec()) { sandbox async throws in
                    let status = try await sandbox.bash(
                        "grep -E '^(Cap...|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t' ' '")
                    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                        #expect(status.contains("\(set): 0000000000000000"), "\(status)")
                    }
                    #expect(status.contains("NoNewPrivs: 1") && status.contains("Seccomp: 2"), "\(status)")
                    let users = Self.users(try rig.id())
                    let map = try await sandbox.bash("tr -s ' ' < /proc/self/uid_map; cat /proc/self/gid_map | wc -l")
                    #expect(map.hasPrefix(" 0 \(users.root) 1\n 1000 \(users.program) 1\n2"), "\(map)")
                    #expect(users.program >= 0x1000_0000 && users.root >= 0x2000_0000)
                    let tries = try await sandbox.bash(
                        "unshare -U true && echo NAMESPACE; echo x > /bin/x && echo ROOT; echo x > /opt/perimeter/execd "
                            + "&& echo DAEMON; echo 1 > /proc/sys/kernel/panic && echo SYSCTL; cat /proc/kcore | wc -c; "
                            + "chown 1000 /dev/null && echo NODE; echo done")
                    for sign in ["NAMESPACE", "ROOT", "DAEMON", "SYSCTL", "NODE"] {
                        #expect(!tries.contains(sign), "\(tries)")
                    }
                    #expect(tries.contains("\n0\n") && tries.contains("done"), "\(tries)")
                }
                // crun gives the standard streams that it is started with to the user inside.
                #expect(NodeOwner("/dev/null") == before)
            }
        }

        private static func users(_ id: SandboxID) -> (program: UInt32, root: UInt32) { OCIEngine.users(id) }

        @Test func `the probe starts a sandbox, and names what is missing`() async throws {
            try await OCIRig.with(.crun) { rig in
                let report = await rig.engine.probe()
                #expect(report.isUsable && report.problems == [], "\(report)")
                #expect(report.boundary.contains("container of crun"))
                let lacking = OCIRig.engine(.crun, in: rig.folder, rootfs: "/no/such", path: "/no/crun")
                let problems = await lacking.probe().problems
                #expect(problems.count == 2 && problems.allSatisfy(\.isFatal))
                #expect(problems[0].remedy.contains("apt-get install crun"))
                #expect(await rig.leftovers() == [])
            }
        }

        @Test(arguments: [
            ("exit 3", "the runtime failed"), ("printf '\\033[31mbad\\033[0m\\n' >&2; exit 1", "it printed escapes"),
            ("exit 0", "it lied"), ("sleep 30", "it hung"), ("yes | head -c 9000000; exit 1", "it talked"),
        ])
        func `a runtime that misbehaves leaves a message and nothing else`(_ script: String, _ what: String)
            async throws
        {
            try await OCIRig.with(.runc) { rig in
                let path = "\(rig.folder)/runtime"
                try ProgramFile.write("#!/bin/sh\n\(script)\n", to: path)
                let engine = OCIRig.engine(.runc, in: rig.folder, path: path, startDeadline: .seconds(1))
                let error = await #expect(throws: SandboxError.self) { try await engine.provision(try rig.spec()) }
                #expect(error?.code == .unavailable)
                #expect((error?.message.utf8.count ?? 9999) < 600 && error?.message.contains("\u{1B}") == false)
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a folder in which a mount point is no folder is not used`() async throws {
            try await OCIRig.with(.crun) { rig in
                let root = "\(rig.folder)/root"
                #expect(mkdir(root, 0o755) == 0 && mkdir("\(root)/bin", 0o755) == 0)
                try HostView.write("", to: "\(root)/bin/bash")
                #expect(RootMount.refusal(of: root) == nil)
                #expect(symlink("/etc", "\(root)/workspace") == 0)
                #expect(RootMount.refusal(of: root) == "workspace in it is not a folder")
                for path in ["relative", "/a,b", "/a:b", "/a\\b", "/etc/passwd"] {
                    #expect(RootMount.refusal(of: path) != nil)
                }
                let engine = OCIRig.engine(.crun, in: rig.folder, rootfs: root)
                await #expect(throws: SandboxError.self) { try await engine.provision(try rig.spec()) }
                #expect(await rig.leftovers() == [])
            }
        }
    }

    struct NodeOwner: Equatable {
        var user: UInt32
        var mode: UInt32

        init?(_ path: String) {
            var facts = stat()
            guard lstat(path, &facts) == 0 else { return nil }
            (user, mode) = (facts.st_uid, facts.st_mode)
        }
    }
}
