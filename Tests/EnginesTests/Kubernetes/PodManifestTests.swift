import Sandbox
import Testing
import Wire

@testable import Engines

/// What a Pod is asked for, and whether it is that.
@Suite struct PodManifestTests {
    private func manifest() throws -> PodManifest {
        let spec = SandboxSpec(id: try #require(SandboxID("Sesn_1")), limits: ResourceLimits(processes: 100))
        return PodManifest(
            spec: spec, owner: "w-1", image: "sandbox:1", execdImage: "execd:1", runtimeClass: "kata",
            usesUserNamespaces: true, countsProcesses: true, lifetimeSeconds: 3600)
    }

    private func text(_ value: JSON) -> String {
        var bytes: [UInt8] = []
        value.write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `secrets stand in the Secret alone`() throws {
        let token = ExecdToken()
        let (pod, secret) = (text(try manifest().pod), text(try manifest().secret(token)))
        #expect(!pod.contains(token.exposed) && secret.contains(token.exposed))
        let names = try manifest().pod["spec"]?["containers"]?.arrayValue?[0]["env"]?.arrayValue?.compactMap {
            $0["name"]?.stringValue
        }
        #expect(names?.filter { $0 == "HOME" }.count == 1, "a variable of the session's wins")
        #expect(names?.contains(ExecdToken.variable) == true)
    }

    @Test func `names differ where ids do, and are names`() throws {
        let ids = try ["Sesn_1", "sesn_1", "SESN-1", "_", "-"].map { try #require(SandboxID($0)) }
        let names = ids.map { SandboxNames.name($0) }
        #expect(Set(names).count == ids.count)
        for name in names {
            #expect(
                name.utf8.count <= 63
                    && name.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789-".utf8.contains($0) })
        }
    }

    @Test func `what an API server fills in changes nothing`() throws {
        var pod = try manifest().pod
        #expect(PodConfinement.violations(pod, asked: try manifest().pod) == [])
        var spec = try #require(pod["spec"])
        spec["schedulerName"] = "default-scheduler"
        spec["tolerations"] = [["key": "node.kubernetes.io/not-ready", "operator": "Exists"]]
        var container = try #require(spec["containers"]?.arrayValue?[0])
        container["terminationMessagePath"] = "/dev/termination-log"
        // The same amounts in other words.
        container["resources"] = ["limits": ["cpu": "2", "memory": "1Gi", "ephemeral-storage": "64Mi"]]
        spec["containers"] = [container]
        pod["spec"] = spec
        #expect(PodConfinement.violations(pod, asked: try manifest().pod) == [])
    }

    @Test(arguments: [
        #"{"hostNetwork":true}"#, #"{"hostPID":true}"#, #"{"hostIPC":true}"#, #"{"shareProcessNamespace":true}"#,
        #"{"automountServiceAccountToken":true}"#, #"{"automountServiceAccountToken":null}"#, #"{"hostUsers":true}"#,
        #"{"hostUsers":null}"#, #"{"runtimeClassName":"runc"}"#, #"{"activeDeadlineSeconds":null}"#,
        #"{"activeDeadlineSeconds":99999999}"#, #"{"ephemeralContainers":[{"name":"debug"}]}"#,
        #"{"volumes":[{"name":"host","hostPath":{"path":"/"}}]}"#, #"{"containers":[]}"#, #"{"initContainers":null}"#,
        #"{"containers":[{"name":"mesh"},{"name":"sandbox"}]}"#,
    ])
    func `a changed Pod is found out`(_ change: String) throws {
        var pod = try manifest().pod
        var spec = try #require(pod["spec"])
        for (key, value) in try JSON(parsing: change).objectValue?.members ?? [] { spec[key] = value }
        pod["spec"] = spec
        #expect(PodConfinement.violations(pod, asked: try manifest().pod) != [])
    }

    @Test(arguments: [
        #"{"securityContext":{}}"#, #"{"securityContext":null}"#, #"{"image":"other"}"#, #"{"command":["sh"]}"#,
        #"{"resources":{"limits":{"cpu":"2000m"}}}"#, #"{"resources":{"limits":{"cpu":"2000m","memory":"2Gi"}}}"#,
        #"{"resources":null}"#,
    ])
    func `a changed container is found out`(_ change: String) throws {
        var pod = try manifest().pod
        var spec = try #require(pod["spec"])
        var container = try #require(spec["containers"]?.arrayValue?[0])
        for (key, value) in try JSON(parsing: change).objectValue?.members ?? [] { container[key] = value }
        spec["containers"] = [container]
        pod["spec"] = spec
        #expect(PodConfinement.violations(pod, asked: try manifest().pod) != [])
    }

    @Test func `every member of the confinement counts`() throws {
        for (key, _) in PodManifest.confinement.objectValue?.members ?? [] {
            var pod = try manifest().pod
            var spec = try #require(pod["spec"])
            var container = try #require(spec["containers"]?.arrayValue?[0])
            var context = PodManifest.confinement
            context[key] = nil
            container["securityContext"] = context
            spec["containers"] = [container]
            pod["spec"] = spec
            #expect(PodConfinement.violations(pod, asked: try manifest().pod).count == 1, "\(key)")
        }
    }

    @Test func `quantities`() {
        let good = [("500m", 500), ("2", 2000), ("1Ki", 1_024_000), ("1k", 1_000_000), ("1e3", 1_000_000), ("0", 0)]
        for (text, expected) in good { #expect(Quantity(text)?.thousandths == expected) }
        for text in ["", "m", "-1", "1.5", "1Zi", "99999999999999999999", "9999999999999Ti", "١"] {
            #expect(Quantity(text) == nil, "\(text)")
        }
        #expect(Quantity("1500m")?.whole == 2)
    }

    @Test func `a look inside is believed only when it is one`() throws {
        let look = try #require(InsideLook(parsing: "4096 16384\n 1000 70000 1\n40\nclosed\n"))
        #expect(look == InsideLook(parsing: "4096 16384\n1000 70000 1\n40\nclosed"))
        let limits = ResourceLimits(processes: 40, diskBytes: 64 << 20)
        #expect(look.missing(limits, isAlone: false) == [])
        #expect(look.missing(ResourceLimits(processes: 39), isAlone: false) == ["processes"])
        let shared = try #require(InsideLook(parsing: "4096 16384\n0 0 4294967295\n40\nopen\n"))
        #expect(shared.isOpen && shared.missing(limits, isAlone: false) == ["processes"])
        #expect(shared.missing(limits, isAlone: true) == [])
        let loose = try #require(InsideLook(parsing: "4096 9223372036854775807\n1000 70000 1\nunlimited\nclosed\n"))
        #expect(loose.missing(limits, isAlone: false) == ["processes", "disk"])
        for text in ["", "ready", "4096 -1\n1 2 3\n40\nclosed", "4096 1\n1 2 3\n40\nmaybe", "4096 1\n1 2 3\nclosed"] {
            #expect(InsideLook(parsing: text) == nil, "\(text)")
        }
    }
}
