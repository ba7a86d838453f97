import CLinux
import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// Sandboxes whose programs change the system: what they may do, what is kept, and that the host has nothing of it.
@Suite(.serialized) struct NamespaceSystemTests {
    private func writable(_ rig: NamespaceRig, _ name: String = "a") throws -> SandboxSpec {
        var spec = try rig.spec(name)
        spec.system = .writable
        return spec
    }

    /// Changes something in every folder, replaces and removes host's files among it.
    private static let changes = """
        set -e; mark=perimeter-system-test
        for folder in usr/local/bin usr/share etc var/lib opt root srv home var/lib/dpkg; do echo $mark > /$folder/$mark; done
        echo $mark >> /usr/bin/ldd; echo $mark >> /etc/passwd; rm -r /usr/share/perl5; mv /usr/bin/env /usr/bin/env-moved
        chown 7:50 /usr/share/$mark; chmod 0640 /usr/share/$mark; echo done
        """
    private static let mark = "perimeter-system-test"

    @Test func `programs change the system as its root, and it is kept, forked and read`() async throws {
        try await NamespaceRig.with { rig in
            let host = Self.hostFiles()
            let spec = try writable(rig)
            let sandbox = try await rig.engine.provision(spec)
            #expect(try await sandbox.bash(Self.changes).hasSuffix("done"))
            #expect(try await sandbox.bash("id -u; echo $USER; touch file; stat -c %u file").hasPrefix("0\nroot\n0"))
            #expect(try await Self.write(sandbox, "/etc/written").isError == false)
            let name = try #require(SnapshotID("\(rig.prefix)-snap"))
            try await sandbox.snapshot(as: name)
            try await sandbox.pause()
            let resumed = try await NamespaceRig.engine(in: rig.folder).provision(spec)
            #expect(try await resumed.bash("tail -1 /etc/passwd").hasPrefix(Self.mark))
            await resumed.destroy()
            #expect(await rig.leftovers() == [])
            #expect(Self.hostFiles() == host, "the host's own files are what they were")

            // Another life of the same sandbox, and a fork under another user of the host.
            var fork = try writable(rig, "b")
            fork.source = .snapshot(name)
            for spec in [spec, fork] {
                let next = try await rig.engine.provision(spec)
                #expect(try await next.bash(Self.look) == Self.seen + "changed", "\(spec.id)")
                await next.destroy()
            }
            // One that only reads: as the user that programs always are, with the changes.
            var reader = try rig.spec("c")
            reader.source = .snapshot(name)
            let third = try await rig.engine.provision(reader)
            #expect(try await third.bash(Self.look) == "\(Self.mark)\n65534 65534 640\nunchanged")
            #expect(
                try await third.bash("id -u; grep CapEff /proc/self/status").contains("1000\nCapEff:\t0000000000000000")
            )
            #expect(try await third.bash("cat /root/\(Self.mark) 2>&1; touch /var/tmp/x && echo tmp").hasSuffix("tmp"))
            #expect(try await third.bash("cat /etc/written") == "by a tool")
            #expect(try await Self.write(third, "/usr/local/written").isError)
            await third.destroy()
            #expect(await rig.leftovers() == [])
            #expect(Self.hostFiles() == host)
        }
    }

    private static func write(_ sandbox: any Sandbox, _ path: String) async throws -> ToolResult {
        try await sandbox.run(ToolCall(id: "write-\(path)", input: .write(path: path, content: "by a tool")))
    }

    private static let look = """
        cat /usr/local/bin/\(mark) /usr/share/\(mark) /opt/\(mark) /var/lib/\(mark) 2>/dev/null | sort -u
        ls -d /usr/share/perl5 /usr/bin/env 2>/dev/null; stat -c '%u %g %a' /usr/share/\(mark)
        (echo again > /usr/local/bin/again) 2>/dev/null && echo changed || echo unchanged
        """
    private static let seen = "\(mark)\n7 50 640\n"

    /// What the host has in the places that ``changes`` touches.
    private static func hostFiles() -> [String] {
        let places = ["usr/local/bin", "usr/share", "etc", "var/lib", "opt", "root", "srv", "home", "var/lib/dpkg"]
        let marks = places.map { "/\($0)/\(mark)" } + ["/usr/bin/env-moved", "/usr/local/bin/again"]
        return marks.map { "\($0) \(HostFiles.facts($0) != nil)" }
            + ["/usr/bin/ldd", "/etc/passwd", "/usr/share/perl5", "/usr/bin/env"].map { path in
                var facts = stat()
                guard stat(path, &facts) == 0 else { return "\(path) is missing" }
                return "\(path) \(facts.st_ino) \(facts.st_size) \(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)"
            }
    }

    @Test func `the root of a system is nobody on the host and gets no further`() async throws {
        try await NamespaceRig.with { rig in
            let sandbox = try await rig.engine.provision(try writable(rig))
            let other = try await rig.engine.provision(try writable(rig, "b"))
            let text = try await sandbox.bash(
                """
                mount -t tmpfs none /mnt; unshare -U true; unshare -m true; mknod /usr/null c 1 3; chroot / true
                cat /proc/1/environ; ls -l /proc/1/fd/3; echo 1 > /proc/sys/kernel/sysrq; echo b > /proc/sysrq-trigger
                mount -o remount,rw /proc/sys; nice -n -5 true
                """)
            let lines = text.split(separator: "\n")
            #expect(lines.count >= 10 && lines.allSatisfy { $0.contains(" ") && !$0.hasPrefix("done") }, "\(text)")
            #expect(!text.contains("PATH=") && !text.contains("->"), "\(text)")
            let mounts = try await sandbox.bash("cat /proc/self/mountinfo")
            #expect(!mounts.contains(try rig.id("b").rawValue), "\(mounts)")
            let status = try await sandbox.bash("grep -E 'Cap(Eff|Bnd)|NoNewPrivs|Seccomp:' /proc/self/status")
            #expect(status.contains("CapEff:\t00000000000004fb") && status.contains("NoNewPrivs:\t1"), "\(status)")
            #expect(status.contains("Seccomp:\t2"))
            for line in rig.processes() {
                let pid = line.prefix { $0.isNumber }
                let user = (HostView.text("/proc/\(pid)/status") ?? "").split(separator: "\n").first {
                    $0.hasPrefix("Uid:")
                }
                let numbers = (user ?? "").split(separator: "\t").dropFirst().compactMap { UInt32($0) }
                #expect(numbers.count == 4 && numbers.allSatisfy { $0 >= 0x1000_0000 }, "\(line): \(user ?? "")")
            }
            await sandbox.destroy()
            await other.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `changed system files end at the bound of the disk`() async throws {
        try await NamespaceRig.with { rig in
            let sandbox = try await rig.engine.provision(try writable(rig))
            for place in ["/usr/share/fill", "/var/lib/fill", "/etc/fill"] {
                let text = try await sandbox.bash("head -c 500M /dev/zero > \(place); rm \(place)")
                #expect(text.contains("No space left"), "\(place): \(text)")
            }
            #expect(try await sandbox.bash("echo alive").contains("alive"))
            await sandbox.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `files of the host that are for its root alone are not there`() async throws {
        try await NamespaceRig.with { rig in
            let usr = rig.folder + "/usr"
            for folder in ["", "/share", "/share/closed", "/share/open"] {
                try HostFiles.makeFolder(usr + folder, mode: folder.hasSuffix("closed") ? 0o700 : 0o755)
            }
            for (name, mode) in [
                ("key", 0o600), ("share/open/key", 0o640), ("share/open/text", 0o644), ("share/closed/x", 0o644),
            ] {
                try HostFiles.write("secret", to: "\(usr)/\(name)", mode: mode_t(mode))
            }
            let spec = try rig.spec()
            try rig.engine.prepareHost(diskBytes: spec.limits.diskBytes)
            let paths = rig.engine.paths.sandbox(spec.id)
            try HostFiles.makeFolder(paths.folder, mode: 0o711)
            try rig.engine.disk.open(spec.id, bytes: spec.limits.diskBytes, owner: 0)
            let base = SystemBase(folder: rig.folder + "/base", usr: usr)
            let mounts = SystemMounts(sandbox: paths, base: base)
            let view = try mounts.openWritable(try base.refresh(), SystemUsers(of: spec.id))
            if let namespace = view.userNamespace { close(namespace) }
            #expect(HostView.names(in: view.usr).sorted() == ["share"])
            #expect(HostView.names(in: view.usr + "/share") == ["open"])
            #expect(HostView.names(in: view.usr + "/share/open") == ["text"])
            // A worker that dies here leaves all of it mounted.
            #expect(rig.mounts().count == 5, "\(rig.mounts())")
            await NamespaceRig.engine(in: rig.folder).sweep(keeping: [])
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a disk from elsewhere leads nowhere`() async throws {
        try await NamespaceRig.with { rig in
            let victim = rig.folder + "/victim"
            for folder in ["", "/var", "/usr", "/usr/upper", "/usr/work", "/folders"] {
                try HostFiles.makeFolder(victim + folder, mode: 0o755)
            }
            try HostFiles.write("mine", to: victim + "/file", mode: 0o644)
            let spec = try writable(rig)
            await (try await rig.engine.provision(spec)).destroy()
            let work = rig.engine.paths.sandbox(spec.id).work
            func change(_ body: () throws -> Void) throws {
                try HostFiles.makeFolder(rig.engine.paths.sandbox(spec.id).folder, mode: 0o711)
                try rig.engine.disk.open(spec.id, bytes: spec.limits.diskBytes, owner: SystemUsers(of: spec.id).root)
                defer { rig.engine.disk.close(spec.id) }
                try body()
            }
            for name in ["files", "system", "system/folders", "system/folders/var", "system/usr", "system/usr/upper"] {
                let (path, aside) = ("\(work)/\(name)", "\(work)/aside")
                try change { #expect(rename(path, aside) == 0 && symlink(victim, path) == 0) }
                for system in [SandboxSpec.SystemFiles.writable, .readOnly] {
                    var spec = spec
                    spec.system = system
                    let error = await #expect(throws: SandboxError.self, "\(name)") {
                        _ = try await rig.engine.provision(spec)
                    }
                    #expect(
                        error?.message.contains("of the disk: no folder") == true, "\(name): \(error?.message ?? "")")
                }
                // The link in the place of the files cannot be opened like a disk again.
                try HostFiles.makeFolder(work, mode: 0o755)
                #expect(clinux_mount_image(rig.engine.paths.sandbox(spec.id).image, work) == 0)
                #expect(unlink(path) == 0 && rename(aside, path) == 0)
                rig.engine.disk.close(spec.id)
            }
            // A draft that was left, and mount points that the sandbox's root replaced.
            try change {
                HostFiles.removeTree("\(work)/system")
                #expect(symlink(victim, "\(work)/system.new") == 0)
            }
            let sandbox = try await rig.engine.provision(spec)
            _ = try await sandbox.bash(
                "rm -r /var/tmp; mv /var/lib /var/old; ln -s /etc /var/lib; echo kept > /etc/kept")
            await sandbox.destroy()
            for system in [SandboxSpec.SystemFiles.writable, .readOnly] {
                var spec = spec
                spec.system = system
                let again = try await rig.engine.provision(spec)
                #expect(try await again.bash("cat /etc/kept; touch /var/tmp/x && echo tmp").hasPrefix("kept\ntmp"))
                await again.destroy()
            }
            #expect(HostView.text(victim + "/file") == "mine")
            #expect(HostView.names(in: victim).sorted() == ["file", "folders", "usr", "var"])
            var facts = stat()
            #expect(lstat(victim, &facts) == 0 && facts.st_uid == 0 && facts.st_mode & 0o777 == 0o755)
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a sandbox that nobody will come back to is forgotten with its files`() async throws {
        try await NamespaceRig.with { rig in
            let id = try rig.id()
            #expect(await rig.engine.keepsFiles(of: id) == false)
            let sandbox = try await rig.engine.provision(try rig.spec())
            await sandbox.destroy()
            #expect(await rig.engine.keepsFiles(of: id))
            await rig.engine.forget(id)
            #expect(await rig.engine.keepsFiles(of: id) == false)
            #expect(HostView.names(in: rig.folder + "/state/workspaces") == [])
            // One in which packages were being installed when its worker died.
            var spec = try writable(rig)
            spec.id = try #require(SandboxID("\(SnapshotID.layerPrefix)\(rig.prefix)"))
            await (try await rig.engine.provision(spec)).detach()
            let next = NamespaceRig.engine(in: rig.folder)
            await next.sweep(keeping: [spec.id])
            #expect(await next.keepsFiles(of: spec.id), "somebody installs in it")
            await next.sweep(keeping: [])
            #expect(await next.keepsFiles(of: spec.id) == false)
            #expect(await rig.leftovers() == [])
        }
    }
}
