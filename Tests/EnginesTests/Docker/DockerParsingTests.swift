import Sandbox
import TestSupport
import Testing
import Wire

@testable import Engines

/// What is read back, and what is read from strangers, is one thing or nothing.
@Suite struct DockerParsingTests {
    private let limits = ResourceLimits(memoryBytes: 1 << 20, processes: 10, cpuPercent: 150)

    @Test func `references of images are accepted by their grammar alone`() throws {
        let digest = String(repeating: "0a", count: 32)
        for text in [
            "a", "debian:12", "localhost:5000/a/b-c_d.e:tag", "a@sha256:\(digest)", "sha256:\(digest)", "A/b",
            String(repeating: "a", count: 255),
        ] { #expect(ImageReference(text)?.text == text) }
        for text in [
            "", "/a", "a/", "a//b", "../a", "a/..", "a/./b", ".", "a b", "a\n", "a?b", "a#b", "a%2e", "a\\b", "a\0",
            "ä", "-a", "a@b@c", String(repeating: "a", count: 256),
        ] { #expect(ImageReference(text) == nil, "\(text)") }
        #expect(ImageReference("a:5000/b")?.fetched == "a:5000/b:latest")
        #expect(ImageReference("a/b:1")?.fetched == "a/b:1")
        #expect(ImageReference("b@sha256:\(digest)")?.fetched == "b@sha256:\(digest)")
    }

    @Test func `a ledger is read back as it was written, and nothing else is a ledger`() throws {
        let executable = try #require(FileIdentity(parsing: "5:17"))
        var spec = SandboxSpec(id: try #require(SandboxID("a")), limits: limits)
        for network in [NetworkPolicy.none, .allow(hosts: ["a"])] {
            spec.network = network
            let ledger = ContainerLedger(
                attempt: ContainerLedger.newAttempt(), token: ExecdToken(), executable: executable, spec: spec,
                image: try #require(ImageReference("debian:12")))
            #expect(ContainerLedger(parsing: ledger.text) == ledger)
            #expect(ledger.hasBounds(limits) && !ledger.hasBounds(ResourceLimits()))
            #expect(!"\(ledger)".contains(ledger.token.exposed), "the token is not printed")
            let fields = ledger.text.split(whereSeparator: \.isWhitespace).map(String.init)
            for place in fields.indices {
                for wrong in ["", "?", "-1x", fields[place] + "/../x y"] {
                    var changed = fields
                    changed[place] = wrong
                    #expect(ContainerLedger(parsing: changed.joined(separator: " ")) == nil, "\(place): \(wrong)")
                }
            }
        }
    }

    @Test func `the seal of a snapshot is read back as it was written, and no other block is one`() throws {
        let seal = SnapshotSeal(engine: "docker", system: "debian:12", bytes: 64 << 20)
        #expect(SnapshotSeal(parsing: seal.block) == seal)
        #expect(seal.block.count == SnapshotSeal.size)
        #expect(SnapshotSeal(parsing: []) == nil)
        #expect(SnapshotSeal(parsing: [UInt8](repeating: 0, count: 4096)) == nil)
        #expect(SnapshotSeal(parsing: seal.block + [0]) == nil)
        var bits = SeededBits(seed: 1)
        for _ in 0..<2000 {
            var block = seal.block
            let place = Int.random(in: 0..<4096, using: &bits)
            let old = block[place]
            block[place] = UInt8.random(in: 0...255, using: &bits)
            guard block[place] != old, let other = SnapshotSeal(parsing: block) else { continue }
            // A changed letter of the name or digit of the size is another seal, still a valid one.
            #expect(other != seal && other.bytes > 0 && other.bytes % 4096 == 0, "seed 1, place \(place)")
            #expect(SnapshotSeal.isSystem(other.system))
        }
    }

    @Test func `facts of containers need an identifier and a state`() {
        let id = String(repeating: "0f", count: 32)
        let right: JSON = ["Id": .string(id), "State": ["Running": true, "Pid": 7], "Config": ["Labels": ["a": "b"]]]
        let facts = ContainerFacts(right)
        #expect(facts?.id == id && facts?.pid == 7 && facts?.labels == ["a": "b"] && facts?.isPaused == false)
        for wrong: JSON in [
            .null, [], "text", [:], ["Id": "x", "State": ["Running": true]], ["Id": .string(id)],
            ["Id": .string(id), "State": "running"], ["Id": .string(id), "State": ["Running": "yes"]],
            ["Id": .string(id.uppercased()), "State": ["Running": true]],
            ["Id": .string(id), "State": ["Running": true, "Pid": -1]],
            ["Id": .string(id), "State": ["Running": true, "Pid": 99_999_999_999]],
        ] { #expect(ContainerFacts(wrong) == nil, "\(wrong.text)") }
        #expect(ListedContainer(["Id": "../x"]) == nil)
        #expect(ImageFacts(["Id": "sha256:short"]) == nil)
        #expect(APIVersion("1.41") ?? APIVersion(major: 0, minor: 0) > APIVersion(major: 1, minor: 5))
        for text in ["", "1", "1.", ".1", "1.2.3", "-1.2", "1.99999999999"] { #expect(APIVersion(text) == nil) }
        #expect(ContainerDaemon.encoded("a=b&c/ü~") == "a%3Db%26c%2F%C3%BC~")
    }

    @Test func `a container that is held has no violations, and each loose part is one`() {
        let kept = ContainerConfinement.kept
        #expect(kept.violations(limits) == [])
        let loose = [
            ("Uid:\t1000\t1000\t1000\t1000", "Uid:\t1000\t0\t1000\t1000", "another user"),
            ("Gid:\t1000\t1000\t1000\t1000", "Gid:\t0\t0\t0\t0", "another group"),
            ("Groups:\t1000 ", "Groups:\t0 1000 ", "groups"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "gain privileges"), ("NoNewPrivs:\t1", "", "gain privileges"),
            ("Seccomp:\t2", "Seccomp:\t0", "filter"),
            ("CapBnd:\t0000000000000000", "CapBnd:\t0000000000000400", "CapBnd"),
            ("CapEff:\t0000000000000000", "CapEff:\tzero", "CapEff"), ("CapAmb:\t0000000000000000", "", "CapAmb"),
        ]
        for (old, new, words) in loose {
            var changed = kept
            changed.status = kept.status.replacing(old, with: new)
            #expect(changed.violations(limits).count == 1, "\(new)")
            #expect(changed.violations(limits).first?.contains(words) == true, "\(new)")
        }
        var shared = kept
        shared.sharedNamespaces = ["net"]
        #expect(shared.violations(limits) == ["it shares the host's net namespace"])
        shared.runsDaemon = false
        #expect(shared.violations(limits).count == 1)
    }

    @Test func `bounds are read in the words of both versions of control groups`() {
        func violations(_ groups: String, _ files: [String: String]) -> [String] {
            var confinement = ContainerConfinement.kept
            confinement.groups = groups
            confinement.groupFile = { files[$0] }
            return confinement.violations(limits)
        }
        let old = "4:memory:/m\n3:cpu,cpuacct:/c\n2:pids:/p\n1:name=systemd:/s\n0::/u\n"
        let legacy = [
            "/memory/m/memory.limit_in_bytes": "1048576\n", "/pids/p/pids.max": "10\n",
            "/cpu/c/cpu.cfs_quota_us": "150000\n", "/cpu/c/cpu.cfs_period_us": "100000\n",
        ]
        #expect(violations(old, legacy) == [])
        let unified = ["/u/memory.max": "1048576\n", "/u/pids.max": "10\n", "/u/cpu.max": "150000 100000\n"]
        #expect(violations("0::/u\n", unified) == [])
        for (file, value) in [
            ("memory.max", "max"), ("memory.max", "1048577"), ("memory.max", "0"), ("pids.max", "max"),
            ("pids.max", "11"), ("cpu.max", "max 100000"), ("cpu.max", "160000 100000"), ("cpu.max", ""),
        ] {
            #expect(violations("0::/u\n", unified.merging(["/u/\(file)": value]) { $1 }).count == 1, "\(file) \(value)")
        }
        for (file, value) in [
            ("/memory/m/memory.limit_in_bytes", "9223372036854771712"), ("/pids/p/pids.max", "max"),
            ("/cpu/c/cpu.cfs_quota_us", "-1"), ("/cpu/c/cpu.cfs_quota_us", "150200"),
        ] { #expect(violations(old, legacy.merging([file: value]) { $1 }).count == 1, "\(file) \(value)") }
        #expect(violations(old, [:]).count == 3)
        #expect(violations("", unified).count == 3)
        #expect(violations("0::/../u\n", unified).count == 3, "a group outside of one's own part cannot be seen")
    }

    @Test func `the check of requests sees every way to loosen one`() throws {
        let request = ContainerRequest(
            spec: SandboxSpec(id: try #require(SandboxID("a"))),
            image: try #require(ImageFacts(FakeDocker.image(volumes: ["/data"]))), labels: [], token: ExecdToken(),
            execdPath: "/f/execd", socketFolder: "/f/socket", workFolder: "/f/work", runtime: "other",
            openFiles: 1024, processNumbers: 32_768
        ).body
        #expect(Hardening.complaints(request, below: "/f") == [])
        let host: [(String, JSON)] = [
            ("CapAdd", ["SYS_ADMIN"]), ("CapDrop", []), ("Privileged", true), ("NetworkMode", "bridge"),
            ("ReadonlyRootfs", false), ("SecurityOpt", ["no-new-privileges", "seccomp=unconfined"]),
            ("Devices", [["PathOnHost": "/dev/sda"]]), ("Binds", ["/:/host"]), ("PidMode", "host"),
            ("IpcMode", "host"), ("UsernsMode", "host"), ("MemorySwap", -1), ("PidsLimit", 0),
            ("Tmpfs", ["/x": "rw,nosuid,nodev"]), ("GroupAdd", ["docker"]), ("RestartPolicy", ["Name": "always"]),
            ("Mounts", [["Type": "bind", "Source": "/f/../etc", "Target": "/etc", "ReadOnly": false]]),
            ("DeviceRequests", [["Count": -1]]), ("PublishAllPorts", true),
        ]
        for (key, value) in host {
            var changed = request
            changed["HostConfig"]?[key] = value
            #expect(!Hardening.complaints(changed, below: "/f").isEmpty, "\(key)")
        }
        let top: [(String, JSON)] = [
            ("User", "0:0"), ("Entrypoint", []), ("Healthcheck", ["Test": ["CMD", "x"]]), ("Volumes", ["/x": [:]]),
            ("NetworkDisabled", false), ("ExposedPorts", ["80/tcp": [:]]),
        ]
        for (key, value) in top {
            var changed = request
            changed[key] = value
            #expect(!Hardening.complaints(changed, below: "/f").isEmpty, "\(key)")
        }
    }
}
