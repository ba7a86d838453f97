import Sandbox
import Testing
import Wire

@testable import Engines

/// What a template that somebody wrote must be like.
@Suite struct ClaimConfinementTests {
    private let confinement = ClaimConfinement(
        limits: ResourceLimits(memoryBytes: 128 << 20, diskBytes: 32 << 20), usesUserNamespaces: true)

    private func violations(_ pool: ClaimPool) -> [String] { confinement.violations(ofBlueprint: pool.spec) }

    /// As the controllers and the API server make it of the template.
    private func made(_ pool: ClaimPool) -> JSON {
        var spec = pool.pod
        spec["schedulerName"] = "default-scheduler"
        spec["volumes"] = .array(
            (spec["volumes"]?.arrayValue ?? []) + [
                ["name": "work", "persistentVolumeClaim": ["claimName": "work-perimeter-x"]]
            ])
        return ["metadata": pool.spec["podTemplate"]?["metadata"] ?? .null, "spec": spec]
    }

    @Test func `the example fits, and a Pod that is made of it`() throws {
        let pool = try ClaimPool()
        #expect(violations(pool) == [])
        #expect(ClaimConfinement.openings(ofTemplate: pool.spec) == [])
        #expect(confinement.violations(ofPod: made(pool), sandbox: "perimeter-x", blueprint: pool.spec) == [])
        #expect(confinement.violations(ofPod: made(pool), sandbox: "perimeter-y", blueprint: pool.spec) != [])
    }

    @Test func `less memory than the example's is too little for it, and other classes are others`() throws {
        var other = confinement
        other.limits.memoryBytes -= 1
        other.limits.cpuPercent = 199
        other.limits.diskBytes -= 1
        other.runtimeClass = "kata"
        #expect(other.violations(ofBlueprint: try ClaimPool().spec).count == 4)
        other.usesUserNamespaces = false
        var pool = try ClaimPool()
        pool.pod["hostUsers"] = nil
        #expect(violations(pool).count == 1)
        #expect(other.violations(ofBlueprint: pool.spec).count == 4)
    }

    @Test(arguments: [
        #"{"hostNetwork":true}"#, #"{"hostPID":true}"#, #"{"hostIPC":true}"#, #"{"shareProcessNamespace":true}"#,
        #"{"automountServiceAccountToken":true}"#, #"{"hostUsers":null}"#, #"{"hostUsers":true}"#,
        #"{"restartPolicy":"Always"}"#, #"{"restartPolicy":null}"#, #"{"ephemeralContainers":[{"name":"debug"}]}"#,
        #"{"resourceClaims":[{"name":"gpu"}]}"#, #"{"securityContext":{"sysctls":[{"name":"a","value":"b"}]}}"#,
        #"{"securityContext":{"seLinuxOptions":{"type":"spc_t"}}}"#,
        #"{"securityContext":{"appArmorProfile":{"type":"Unconfined"}}}"#,
        #"{"volumes":[{"name":"host","hostPath":{"path":"/"}}]}"#,
        #"{"volumes":[{"name":"tmp","emptyDir":{"sizeLimit":"1Gi"}}]}"#,
        #"{"volumes":[{"name":"tmp","hostPath":{"path":"/tmp"}}]}"#, #"{"volumes":[{"name":"execd","emptyDir":{}}]}"#,
        #"{"volumes":[{"name":"token","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}}]}"#,
        #"{"containers":[]}"#, #"{"containers":[{"name":"mesh"},{"name":"sandbox"}]}"#,
        #"{"initContainers":[{"name":"other"}]}"#,
        #"{"initContainers":[{"name":"execd","command":["/perimeter-execd","--install","/opt/perimeter/execd"]}]}"#,
    ])
    func `a template that confines less is found out`(_ change: String) throws {
        var pool = try ClaimPool()
        for (key, value) in try JSON(parsing: change).objectValue?.members ?? [] { pool.pod[key] = value }
        #expect(violations(pool) != [])
    }

    @Test(arguments: [
        #"{"command":["sh"]}"#, #"{"command":null}"#, #"{"args":["--listen-fd","3"]}"#, #"{"stdin":true}"#,
        #"{"lifecycle":{"postStart":{"exec":{"command":["sh"]}}}}"#, #"{"envFrom":[{"secretRef":{"name":"a"}}]}"#,
        #"{"env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"a","key":"b"}}}]}"#,
        #"{"ports":[{"containerPort":80,"hostPort":80}]}"#,
        #"{"volumeDevices":[{"name":"work","devicePath":"/dev/x"}]}"#,
        #"{"resources":{"limits":{"cpu":"1"}}}"#, #"{"resources":{"limits":{"memory":"64Mi"}}}"#,
        #"{"resources":null}"#,
        #"{"resources":{"limits":{"cpu":"1","memory":"64Mi","nvidia.com/gpu":"1"}}}"#,
        #"{"resources":{"limits":{"cpu":"1","memory":"64Mi"},"claims":[{"name":"a"}]}}"#,
        #"{"volumeMounts":[{"name":"work","mountPath":"/workspace"}]}"#, #"{"volumeMounts":null}"#,
        #"{"securityContext":null}"#, #"{"livenessProbe":{"exec":{"command":["sh"]}}}"#,
    ])
    func `a container that is confined less is found out`(_ change: String) throws {
        var pool = try ClaimPool()
        for (key, value) in try JSON(parsing: change).objectValue?.members ?? [] { pool.container[key] = value }
        #expect(violations(pool) != [])
    }

    @Test(arguments: [
        #"{"privileged":true}"#, #"{"procMount":"Unmasked"}"#, #"{"runAsUser":0}"#, #"{"runAsNonRoot":false}"#,
        #"{"capabilities":{"drop":["ALL"],"add":["NET_RAW"]}}"#, #"{"seccompProfile":{"type":"Unconfined"}}"#,
        #"{"appArmorProfile":{"type":"Unconfined"}}"#, #"{"allowPrivilegeEscalation":true}"#,
        #"{"readOnlyRootFilesystem":false}"#, #"{"seLinuxOptions":{"type":"spc_t"}}"#,
    ])
    func `a weaker context is found out`(_ change: String) throws {
        for isFirst in [true, false] {
            var pool = try ClaimPool()
            let key = isFirst ? "initContainers" : "containers"
            var container = try #require(pool.pod[key]?.arrayValue?.first)
            var context = try #require(container["securityContext"])
            for (key, value) in try JSON(parsing: change).objectValue?.members ?? [] { context[key] = value }
            container["securityContext"] = context
            pool.pod[key] = [container]
            #expect(violations(pool) != [], "\(key)")
        }
    }

    @Test func `every mount is where it must be, as it must be`() throws {
        let mounts = try #require(try ClaimPool().container["volumeMounts"]?.arrayValue)
        for (index, mount) in mounts.enumerated() {
            for change: (inout JSON) -> Void in [
                { $0["mountPath"] = "/usr" }, { $0["subPath"] = "a" }, { $0["mountPropagation"] = "Bidirectional" },
                { $0["readOnly"] = JSON(mount["readOnly"] == nil) },
            ] {
                var (pool, changed) = (try ClaimPool(), mounts)
                change(&changed[index])
                pool.container["volumeMounts"] = .array(changed)
                #expect(violations(pool).count == 1, "\(mount)")
            }
        }
    }

    @Test(arguments: [
        "[]", #"[{"metadata":{"name":"other"},"spec":{"resources":{"requests":{"storage":"1Mi"}}}}]"#,
        #"[{"metadata":{"name":"work"},"spec":{"resources":{"requests":{"storage":"33Mi"}}}}]"#,
        #"[{"metadata":{"name":"work"},"spec":{}}]"#, "null",
    ])
    func `files need a volume of the right size`(_ templates: String) throws {
        var pool = try ClaimPool()
        pool.spec["volumeClaimTemplates"] = try JSON(parsing: templates)
        #expect(violations(pool).count == 1)
    }

    @Test func `a Pod without the label, or with other images, is not used`() throws {
        var pool = try ClaimPool()
        let (pod, blueprint) = (made(pool), pool.spec)
        var template = try #require(pool.spec["podTemplate"])
        template["metadata"] = ["labels": ["perimeter.dev/role": "other"]]
        pool.spec["podTemplate"] = template
        #expect(violations(pool).count == 1)
        #expect(confinement.violations(ofPod: made(pool), sandbox: "perimeter-x", blueprint: blueprint).count == 1)
        pool = try ClaimPool()
        pool.container["image"] = "another:1"
        #expect(confinement.violations(ofPod: pod, sandbox: "perimeter-x", blueprint: pool.spec).count == 1)
    }

    @Test func `what opens a sandbox is found out`() throws {
        let unmanaged = "networkPolicyManagement"
        for (spec, count) in [
            (#"{}"#, 1), (#"{"networkPolicyManagement":"Managed"}"#, 1), (#"{"networkPolicy":{}}"#, 0),
            (#"{"networkPolicy":{"egress":[{}]}}"#, 1), (#"{"networkPolicy":{"ingress":[{}]}}"#, 1),
            (#"{"\#(unmanaged)":"Unmanaged","networkPolicy":{"egress":[{}]}}"#, 0),
        ] {
            #expect(ClaimConfinement.openings(ofTemplate: try JSON(parsing: spec)).count == count, "\(spec)")
        }
        let labels: JSON = ["a": "b"]
        for (spec, count) in [
            (#"{"podSelector":{},"egress":[{}]}"#, 1), (#"{"podSelector":{},"egress":[]}"#, 0),
            (#"{"podSelector":{"matchLabels":{"a":"b"}},"ingress":[{}]}"#, 1),
            (#"{"podSelector":{"matchLabels":{"a":"c"}},"ingress":[{}]}"#, 0),
            (#"{"podSelector":{"matchExpressions":[{"key":"z","operator":"Exists"}]},"egress":[{}]}"#, 1),
        ] {
            let policy: JSON = ["metadata": ["name": "other"], "spec": try JSON(parsing: spec)]
            #expect(ClaimConfinement.openings(by: [policy], for: labels).count == count, "\(spec)")
        }
    }
}
