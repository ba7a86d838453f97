import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

extension MicroVMTests {
    /// What the engine finds out about its host, and what people reach in a machine.
    @Suite struct MicroVMHostTests {
        @Test func `people's streams and calls go through a machine's one port at once`() async throws {
            try await MicroVMRig.with { rig in
                try await rig.withSandbox(try rig.spec("a")) { sandbox async throws in
                    let shell = try await sandbox.open(.terminal(columns: 91, rows: 31, command: ""))
                    try await shell.write(Array("stty size; cat\n".utf8))
                    #expect(try await text(shell, until: "31 91").contains("31 91"))
                    // While the shell stays open.
                    let copy = try await sandbox.open(.command("cat; exit 3"))
                    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
                    async let sent: Void = {
                        try await copy.write(bytes)
                        await copy.finish()
                    }()
                    async let called = sandbox.bash("echo call")
                    var received: [UInt8] = []
                    while let piece = try await copy.read(), !piece.isEmpty { received += piece }
                    try await sent
                    #expect(received == bytes && copy.exitCode == 3)
                    #expect(try await called.hasPrefix("call"))
                    _ = try await sandbox.bash(
                        #"perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:8123", "#
                            + #"Listen => 1); while ($c = $s->accept) { print $c scalar(<$c>) }' & "#
                            + "until (echo > /dev/tcp/127.0.0.1/8123) 2>/dev/null; do sleep 0.1; done",
                        timeout: 120_000)
                    let port = try await sandbox.open(.port(8123))
                    try await port.write(Array("over the port\n".utf8))
                    #expect(try await text(port, until: "port\n") == "over the port\n")
                    try await shell.write(Array("typed\n".utf8))
                    #expect(try await text(shell, until: "typed\r\ntyped").contains("typed\r\ntyped"))
                    for stream in [shell, copy, port] { await stream.reset() }
                }
            }
        }

        /// What a stream says up to these words, or all of it.
        private func text(_ stream: any SandboxStream, until words: String) async throws -> String {
            var bytes: [UInt8] = []
            while let piece = try await stream.read(), !piece.isEmpty {
                bytes += piece
                if String(decoding: bytes, as: UTF8.self).contains(words) { break }
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        @Test func `holders that come right after one another find the machine as it was`() async throws {
            try await MicroVMRig.with { rig in
                let spec = try rig.spec("a")
                var sandbox = try await rig.provider.provision(spec)
                _ = try await sandbox.bash("mark=7")
                for _ in 0..<25 {
                    await sandbox.detach()
                    sandbox = try await rig.provider.provision(spec)
                    #expect(try await sandbox.bash("echo $mark").hasPrefix("7"))
                }
                await sandbox.destroy()
            }
        }

        @Test func `a host that can emulate is usable, and told what that is worth`() async throws {
            try await MicroVMRig.with { rig in
                let report = await rig.engine.probe()
                #expect(report.isUsable, "\(report)")
                #expect(report.boundary.contains("software emulation (no hardware boundary"))
                #expect(report.problems.contains { $0.summary.contains("emulated") && !$0.isFatal })
                #expect(rig.engine.capabilities.isolation == .ownKernel)
                #expect(await rig.leftovers() == [])
                #expect(HostView.names(in: rig.engine.paths.workspaces) == [])
            }
        }

        @Test func `a guest that does not boot in time makes the engine unusable and leaves nothing`() async throws {
            try await MicroVMRig.with { rig in
                let engine = MicroVMRig.engine(
                    in: rig.folder, bootDeadline: .milliseconds(200), templates: TemplateShelf())
                let report = await engine.probe()
                #expect(!report.isUsable)
                #expect(report.problems.contains { $0.isFatal && $0.summary.contains("boot a machine") }, "\(report)")
                let spec = try rig.spec("a")
                let error = await #expect(throws: SandboxError.self) { _ = try await engine.provision(spec) }
                #expect(error?.code == .unavailable)
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `an openable KVM counts only when a guest has booted on it`() async throws {
            try await MicroVMRig.with { rig in
                let engine = MicroVMRig.engine(
                    in: rig.folder, emulation: false, bootDeadline: .seconds(10), templates: TemplateShelf())
                let report = await engine.probe()
                #expect(!report.boundary.contains("emulat"))
                let spec = try rig.spec("a")
                if report.isUsable {
                    let sandbox = try await engine.provision(spec)
                    #expect(try await sandbox.bash("echo hi").hasPrefix("hi"))
                    await sandbox.destroy()
                } else {
                    let fatal = report.problems.filter(\.isFatal)
                    #expect(!fatal.isEmpty && fatal.allSatisfy { !$0.remedy.isEmpty })
                    await #expect(throws: SandboxError.self) { _ = try await engine.provision(spec) }
                }
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `monitors get at KVM through a group, and never through that of root`() {
            #expect(QEMU.Access(mode: 0o020_660, group: 104) == .group(104))
            #expect(QEMU.Access(mode: 0o020_660, group: 0) == .nobody)
            #expect(QEMU.Access(mode: 0o020_600, group: 104) == .nobody)
            #expect(QEMU.Access(mode: 0o020_640, group: 104) == .nobody)
            #expect(QEMU.Access(mode: 0o020_666, group: 0) == .everybody)
        }

        @Test func `what is missing is named with its remedy`() async throws {
            try await MicroVMRig.with { rig in
                let noGuest = await MicroVMRig.engine(in: rig.folder, guest: "/no/guest").probe()
                #expect(
                    !noGuest.isUsable
                        && noGuest.problems.contains {
                            $0.isFatal && $0.summary.contains("/no/guest/vmlinux")
                                && $0.remedy.contains("microvm-guest.sh")
                        })
                let noMonitor = await MicroVMRig.engine(in: rig.folder, qemu: "/no/qemu").probe()
                #expect(noMonitor.problems.contains { $0.isFatal && $0.remedy.contains("qemu-system-x86") })
                let noGroups = await MicroVMRig.engine(in: rig.folder, cgroupRoot: "/no/groups").probe()
                #expect(noGroups.problems.contains { $0.isFatal && $0.summary.contains("memory controller") })
            }
        }

        @Test func `a machine has its name, and its monitor a user of its own and no privileges`() async throws {
            try await MicroVMRig.with { rig in
                let spec = try rig.spec("a")
                try await rig.withSandbox(spec) { sandbox async throws in
                    #expect(try await sandbox.bash("hostname; getent hosts sandbox").hasPrefix("sandbox\n"))
                    let process = try #require(try await rig.engine.host().ledger(spec.id)).process
                    let status = try #require(HostView.text("/proc/\(process.pid)/status"))
                    func field(_ name: String) -> [String] {
                        status.split(separator: "\n").first { $0.hasPrefix("\(name):") }?
                            .split(whereSeparator: \.isWhitespace).dropFirst().map(String.init) ?? []
                    }
                    let user = "\(ConfinedProgram.user(of: spec.id))"
                    #expect(field("Uid") == [user, user, user, user] && field("Gid") == [user, user, user, user])
                    #expect(field("Groups") == [])
                    for set in ["CapPrm", "CapEff", "CapAmb"] {
                        #expect(field(set) == ["0000000000000000"], "\(set)")
                    }
                    #expect(field("NoNewPrivs") == ["1"] && field("Seccomp") == ["2"])
                    #expect(HostView.text("/proc/\(process.pid)/environ") == "")
                }
            }
        }
    }
}
