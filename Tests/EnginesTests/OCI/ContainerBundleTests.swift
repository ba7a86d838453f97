import Sandbox
import Testing
import Wire

@testable import Engines

/// The pure core: `config.json`, and the allow-list in it.
struct ContainerBundleTests {
    private func bundle(cgroup: String? = nil) throws -> JSON {
        let id = try #require(SandboxID("a"))
        return ContainerBundle(
            spec: SandboxSpec(id: id, limits: NamespaceRig.limits),
            root: "/r", daemonFolder: "/d", work: "/w", rootUser: 7, programUser: 8, cgroup: cgroup
        ).json
    }

    @Test func `a container can gain nothing`() throws {
        let json = try bundle()
        #expect(json["root"] == ["path": "/r", "readonly": true])
        #expect(json["process"]?["noNewPrivileges"] == true && json["process"]?["terminal"] == false)
        #expect(json["process"]?["user"] == ["uid": 1000, "gid": 1000])
        let sets = json["process"]?["capabilities"]?.objectValue?.members ?? []
        #expect(sets.count == 5 && sets.allSatisfy { $0.value == [] })
        let kinds = Set((json["linux"]?["namespaces"]?.arrayValue ?? []).compactMap { $0["type"]?.stringValue })
        #expect(kinds == ["pid", "network", "ipc", "uts", "mount", "user"])
        #expect((json["linux"]?["namespaces"]?.arrayValue ?? []).allSatisfy { $0["path"] == nil })
        for map in ["uidMappings", "gidMappings"] {
            #expect(
                json["linux"]?[map] == [
                    ["containerID": 0, "hostID": 7, "size": 1], ["containerID": 1000, "hostID": 8, "size": 1],
                ])
        }
        #expect(json["hooks"] == nil && json["linux"]?["devices"] == nil && json["linux"]?["resources"] == nil)
    }

    @Test func `every mount is bounded or read-only, and none honours devices and set-user bits`() throws {
        var writable: [String] = []
        for mount in try #require(try bundle()["mounts"]?.arrayValue) {
            let target = mount["destination"]?.stringValue ?? ""
            let options = (mount["options"]?.arrayValue ?? []).compactMap(\.stringValue)
            #expect(options.contains("nosuid"))
            // The runtime makes the devices in these two.
            #expect(options.contains("nodev") || ["/dev", "/dev/pts"].contains(target))
            if mount["type"] == "tmpfs" { #expect(options.contains { $0.hasPrefix("size=") }) }
            if mount["type"] == "bind", !options.contains("ro") { writable.append(target) }
        }
        #expect(writable == ["/workspace"])
    }

    @Test func `variables are the standard ones, and a runtime is told of groups where it must`() throws {
        let json = try bundle(cgroup: "/p/a")
        let lines = (json["process"]?["env"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(lines == ProgramEnvironment.standard.map { "\($0.name)=\($0.value)" })
        #expect(json["linux"]?["cgroupsPath"] == "/p/a")
        #expect(json["linux"]?["resources"] == ["devices": [["allow": false, "access": "rwm"]]])
    }

    @Test func `a kernel of its own is told its bounds and a token, and shares nothing`() throws {
        let token = ExecdToken()
        let spec = SandboxSpec(id: try #require(SandboxID("a")), limits: NamespaceRig.limits)
        let json = ContainerBundle(
            spec: spec, root: "/r", daemonFolder: "/d", work: "/w", rootUser: 7, programUser: 8, cgroup: nil,
            token: token
        ).json
        let words = (json["process"]?["args"]?.arrayValue ?? []).compactMap(\.stringValue)
        for pair in [
            ["--listen", "@perimeter-execd"], ["--process-limit", "64"], ["--memory-limit", "\(128 << 20)"],
        ] {
            let place = try #require(words.firstIndex(of: pair[0]))
            #expect(words[place + 1] == pair[1])
        }
        let variables = (json["process"]?["env"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(variables.contains("PERIMETER_EXECD_TOKEN=\(token.exposed)"))
        #expect(json["linux"]?["seccomp"] == SyscallAllowList.guest && json["linux"]?["cgroupsPath"] == nil)
        let command = RunscCommand(platform: .systrap, state: "/s", name: "n")
        for words in [
            command.run(bundle: "/b", pidFile: "/p"), command.restore("/i", bundle: "/b", pidFile: "/p"),
            command.checkpoint(to: "/i"), command.execute(["x"], pidFile: "/p"), command.pause(), command.resume(),
        ] {
            #expect(Array(words.prefix(3)) == ["--root", "/s", "--platform=systrap"])
            #expect(words.contains("--network=none") && words.contains("n"))
        }
    }

    @Test func `a record survives its text, and other text is none`() throws {
        let spec = SandboxSpec(id: try #require(SandboxID("a")), limits: NamespaceRig.limits)
        let record = ContainerRecord(spec, token: ExecdToken(), format: "f")
        #expect(ContainerRecord(parsing: record.text) == record)
        #expect(record.refusal(of: spec) == nil)
        var other = spec
        other.network = .allow(hosts: [])
        #expect(record.refusal(of: other) != nil)
        other = spec
        other.limits.memoryBytes -= 1
        #expect(record.refusal(of: other) != nil)
        let fields = record.text.split(separator: " ").map(String.init)
        for place in fields.indices {
            // The last one is whatever says who can read the memory.
            for text in place < 5 ? ["", "x", "-1", "x y"] : ["", "x y"] {
                var damaged = fields
                damaged[place] = text
                #expect(ContainerRecord(parsing: damaged.joined(separator: " ")) == nil, "\(place) \(text)")
            }
        }
    }

    @Test func `the allow-list leaves out what builds privileges`() {
        let names = SyscallAllowList.plain
        #expect(Set(names).count == names.count)
        let dangerous = [
            "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "ptrace", "process_vm_readv",
            "process_vm_writev", "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key",
            "io_uring_setup", "kexec_load", "init_module", "finit_module", "open_by_handle_at", "clone", "clone3",
            "socket", "personality", "reboot", "swapon", "quotactl", "move_mount", "fsopen", "fsmount", "open_tree",
            "socketpair", "io_setup", "iopl", "ioperm", "syslog", "acct", "settimeofday", "clock_settime",
            "pidfd_getfd", "mount_setattr",
        ]
        #expect(Set(dangerous).isDisjoint(with: names))
        #expect(SyscallAllowList.json["defaultAction"] == "SCMP_ACT_ERRNO")
        let rules = SyscallAllowList.json["syscalls"]?.arrayValue ?? []
        for rule in rules where rule["names"] != .array(names.map { .string($0) }) {
            #expect(
                rule["args"]?.arrayValue?.count == 1, "a call that is dangerous in general is allowed in particular")
        }
    }
}
