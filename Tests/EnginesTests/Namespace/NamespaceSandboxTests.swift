import Engines
import Glibc
import Sandbox
import TestSupport
import Testing

@Suite(.serialized) struct NamespaceSandboxTests {
    @Test func `a command prints what it should and files stay where they were put`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                #expect(try await sandbox.bash("echo hi").contains("hi"))
                try await sandbox.put(Array("from outside".utf8), at: "/workspace/in/note.txt", mode: 0o640)
                #expect(try await sandbox.bash("cat in/note.txt; stat -c %a in/note.txt").contains("from outside640"))
                #expect(
                    try await sandbox.bash("id -u; id -un; hostname; pwd").hasPrefix("1000\nagent\nsandbox\n/workspace")
                )
                #expect(sandbox.boundary.contains("seccomp"))
            }
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `no file, variable, process or socket of the host is within reach`() async throws {
        try await NamespaceRig.with { rig in
            let canary = "canary-\(rig.prefix)"
            let path = "/tmp/perimeter-secret-\(rig.prefix)"
            try HostView.write(canary, to: path)
            setenv("PERIMETER_CANARY", canary, 1)
            defer {
                unlink(path)
                unsetenv("PERIMETER_CANARY")
            }
            let port = try LoopbackListener()
            let abstract = try AbstractListener(name: canary)
            defer { withExtendedLifetime((port, abstract)) {} }
            try await rig.withSandbox { sandbox in
                let tour = try await sandbox.bash(
                    """
                    cat \(path) 2>&1; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; env
                    ls /root /home /work /mnt /srv /boot /sys /var/lib 2>&1; ls -a /tmp /run
                    cat /etc/shadow 2>&1
                    """)
                #expect(!tour.contains(canary))
                #expect(!tour.contains("PERIMETER_CANARY"))
                #expect(
                    try await sandbox.bash("ls /proc | grep -c '^[0-9]'").split(separator: "\n").first.flatMap {
                        Int($0)
                    }.map { $0 < 12 } == true)
                let reach = try await sandbox.bash(
                    """
                    (exec 3<>/dev/tcp/127.0.0.1/\(port.port)) 2>&1 && echo REACHED
                    python3 - <<'END'
                    import socket
                    for name in [b"\\0\(canary)"]:
                        try:
                            socket.socket(socket.AF_UNIX).connect(name); print("REACHED")
                        except OSError as error: print(error)
                    END
                    cat /proc/net/dev | tail -n +3 | cut -d: -f1
                    """)
                #expect(!reach.contains("REACHED"))
                #expect(reach.contains("refused"))
                #expect(reach.split(separator: "\n").last?.trimmingPrefix(while: { $0 == " " }) == "lo")
                #expect(try await sandbox.bash("ls -l /proc/self/fd /proc/1/fd 2>&1").contains("denied"))
            }
        }
    }

    @Test func `the system and the root are read-only and no privilege is held`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                let text = try await sandbox.bash(
                    """
                    for place in / /usr /usr/bin /etc /opt /opt/perimeter /dev /proc/sys/kernel; do
                      touch $place/probe 2>/dev/null && echo "WRITABLE $place"
                    done
                    (echo 1 > /proc/sys/kernel/panic) 2>/dev/null && echo "WRITABLE sysctl"
                    (echo x > /opt/perimeter/execd) 2>/dev/null && echo "WRITABLE execd"
                    grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status
                    """)
                #expect(!text.contains("WRITABLE"), "\(text)")
                #expect(text.contains("NoNewPrivs:\t1"))
                #expect(text.contains("Seccomp:\t2"))
                for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                    #expect(text.contains("\(set):\t0000000000000000"))
                }
            }
        }
    }

    @Test func `files of the work directory outlive the sandbox`() async throws {
        try await NamespaceRig.with { rig in
            for round in 0..<5 {
                let sandbox = try await rig.engine.provision(try rig.spec())
                if round > 0 {
                    #expect(
                        try await sandbox.bash("cat round; sha256sum -c sum 2>&1").contains("\(round - 1)\nbig: OK"))
                }
                _ = try await sandbox.bash("echo \(round) > round; head -c 30M /dev/urandom > big; sha256sum big > sum")
                await sandbox.destroy()
            }
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `two sandboxes do not see each other`() async throws {
        try await NamespaceRig.with { rig in
            let first = try await rig.engine.provision(try rig.spec("a"))
            let second = try await rig.engine.provision(try rig.spec("b"))
            _ = try await first.bash("echo secret > /workspace/s; echo secret > /tmp/s; sleep 60 & disown")
            let seen = try await second.bash("cat /workspace/s /tmp/s 2>&1; ps ax 2>/dev/null; ls /proc")
            #expect(!seen.contains("secret"))
            #expect(!seen.contains("sleep 60"))
            await first.destroy()
            #expect(try await second.bash("echo alive").contains("alive"))
            await second.destroy()
            #expect(await rig.leftovers() == [])
        }
    }
}
