internal import Sandbox
internal import Wire

/// What must hold of a Pod whose specification an operator wrote: there is nothing that was asked for to compare it with, so
/// that whatever is not known here is refused. Pure.
struct ClaimConfinement: Sendable {
    var limits: ResourceLimits
    var usesUserNamespaces: Bool
    /// Nil leaves it to the template.
    var runtimeClass: String?

    private static let containerMembers: Set<String> = [
        "name", "image", "imagePullPolicy", "command", "workingDir", "env", "resources", "volumeMounts",
        "securityContext",
        "terminationMessagePath", "terminationMessagePolicy",
    ]
    private static let contextMembers: Set<String> = [
        "runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile", "fsGroup", "fsGroupChangePolicy",
        "supplementalGroupsPolicy", "seLinuxChangePolicy",
    ]
    private static let mounts: JSON = [
        "work": .string(PodManifest.workDirectory), "tmp": "/tmp", "run": "/run/perimeter",
        "execd": .string(PodManifest.folder),
    ]

    // MARK: - What Pods are made from

    /// Of a SandboxTemplate's specification, or a Sandbox's.
    func violations(ofBlueprint blueprint: JSON) -> [String] {
        guard var spec = blueprint["podTemplate"]?["spec"] else { return ["it has no Pod template"] }
        // What the controllers fill in.
        if spec["automountServiceAccountToken"] == nil { spec["automountServiceAccountToken"] = false }
        let volumes = (spec["volumes"]?.arrayValue ?? []).filter { $0.name != ClaimManifest.volume }
        spec["volumes"] = .array(
            volumes + [["name": .string(ClaimManifest.volume), "persistentVolumeClaim": ["claimName": "here"]]])
        return violations(of: spec, workVolume: "here") + label(blueprint["podTemplate"]?["metadata"])
            + storage(blueprint["volumeClaimTemplates"]?.arrayValue ?? [])
    }

    /// Of a template alone: policies add up, so that one which opens something is not closed by another one.
    static func openings(ofTemplate template: JSON) -> [String] {
        guard template["networkPolicyManagement"]?.stringValue != "Unmanaged" else { return [] }
        let policy = template["networkPolicy"]
        let rules = ["ingress", "egress"].flatMap { policy?[$0]?.arrayValue ?? [] }
        guard policy?.objectValue == nil || !rules.isEmpty else { return [] }
        return ["its network policy opens the sandboxes: set networkPolicyManagement to Unmanaged"]
    }

    /// Policies of the namespace, beside our own, that open something to a Pod of these labels.
    static func openings(by policies: [JSON], for labels: JSON?) -> [String] {
        policies.filter { policy in
            let spec = policy["spec"]
            guard ["ingress", "egress"].contains(where: { spec?[$0]?.arrayValue?.isEmpty == false }) else {
                return false
            }
            let selector = spec?["podSelector"]
            // What an expression selects is not worked out: it may be this one.
            guard selector?["matchExpressions"]?.arrayValue?.isEmpty ?? true else { return true }
            return (selector?["matchLabels"]?.objectValue?.members ?? []).allSatisfy { labels?[$0.key] == $0.value }
        }.map { "the NetworkPolicy '\(String(peer: $0["metadata"]?["name"]?.stringValue ?? "", limit: 64))' opens it" }
    }

    private func storage(_ templates: [JSON]) -> [String] {
        guard templates.count == 1, let template = templates.first,
            template["metadata"]?.name == ClaimManifest.volume
        else { return ["its one volumeClaimTemplate must be '\(ClaimManifest.volume)', which keeps the files"] }
        let size = template["spec"]?["resources"]?["requests"]?["storage"]?.stringValue.flatMap { Quantity($0) }
        guard let size, size.whole <= limits.diskBytes else {
            return ["its volume is larger than \(limits.diskBytes) bytes"]
        }
        return []
    }

    private func label(_ metadata: JSON?) -> [String] {
        metadata?["labels"]?[SandboxNames.role]?.stringValue == SandboxNames.roleValue
            ? [] : ["it lacks the label \(SandboxNames.role): \(SandboxNames.roleValue), by which it is closed"]
    }

    // MARK: - Pods

    /// - Parameter blueprint: the specification of its Sandbox.
    func violations(ofPod pod: JSON, sandbox: String, blueprint: JSON) -> [String] {
        guard let spec = pod["spec"] else { return ["it has no specification"] }
        var found = violations(of: spec, workVolume: "\(ClaimManifest.volume)-\(sandbox)") + label(pod["metadata"])
        for key in ["containers", "initContainers"] {
            let asked = blueprint["podTemplate"]?["spec"]?[key]?.arrayValue ?? []
            if (spec[key]?.arrayValue ?? []).map({ $0["image"] }) != asked.map({ $0["image"] }) {
                found.append("an image was changed")
            }
        }
        return found
    }

    private func violations(of spec: JSON, workVolume: String) -> [String] {
        var found: [String] = []
        for key in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] where spec[key]?.boolValue == true {
            found.append("\(key) is on")
        }
        if spec["automountServiceAccountToken"]?.boolValue != false { found.append("a service account is mounted") }
        if usesUserNamespaces, spec["hostUsers"]?.boolValue != false {
            found.append("it has no user namespace: set hostUsers to false (Kubernetes 1.33)")
        }
        if let runtimeClass, spec["runtimeClassName"]?.stringValue != runtimeClass {
            found.append("its runtime class is not \(runtimeClass)")
        }
        // A daemon that came back would know nothing of what ran.
        if spec["restartPolicy"]?.stringValue != "Never" { found.append("its restartPolicy is not Never") }
        for key in ["ephemeralContainers", "resourceClaims"] where spec[key]?.arrayValue?.isEmpty == false {
            found.append("it has \(key)")
        }
        // Containers inherit these, so that one of them may say nothing and be unconfined.
        for (key, value) in spec["securityContext"]?.objectValue?.members ?? [] where !Self.isHarmless(key, value) {
            found.append("\(String(peer: key, limit: 64)) is not known here")
        }
        found += volumes(spec["volumes"]?.arrayValue ?? [], workVolume)
        let containers = spec["containers"]?.arrayValue ?? []
        let installers = spec["initContainers"]?.arrayValue ?? []
        guard containers.map(\.name) == [SandboxNames.container],
            installers.isEmpty || installers.map(\.name) == ["execd"]
        else { return found + ["it has other containers than '\(SandboxNames.container)' and the first one, 'execd'"] }
        if containers[0]["command"] != ClaimManifest.command { found.append("its command is not the daemon") }
        if installers.contains(where: {
            $0["command"] != ["/perimeter-execd", "--install", .string(PodManifest.execd)]
        }) {
            found.append("the command of 'execd' is not the installation")
        }
        found += (containers + installers).flatMap { confinement(of: $0) }
        return found + bounds(of: containers[0])
            + mounts(of: containers[0], ["work", "tmp", "run"] + installers.map { _ in "execd" })
            + installers.flatMap { mounts(of: $0, ["execd"]) }
    }

    private static func isHarmless(_ key: String, _ value: JSON) -> Bool {
        // A level keeps Pods apart, where a type may let them out.
        contextMembers.contains(key) || (key == "seLinuxOptions" && value.objectValue?.members.map(\.key) == ["level"])
    }

    private func confinement(of container: JSON) -> [String] {
        let name = container.name
        var found = PodConfinement.context(of: container).map { "\($0) of '\(name)' is not as it must be" }
        found += (container.objectValue?.members ?? []).map(\.key).filter { !Self.containerMembers.contains($0) }.map {
            "\(String(peer: $0, limit: 64)) of '\(name)' is not known here"
        }
        for (key, value) in container["securityContext"]?.objectValue?.members ?? []
        where PodManifest.confinement[key] == nil && !(key == "procMount" && value == "Default") {
            found.append("\(String(peer: key, limit: 64)) of '\(name)' is not known here")
        }
        // Values of the cluster's own, such as Secrets, are nobody's in there.
        if (container["env"]?.arrayValue ?? []).contains(where: { $0["valueFrom"] != nil }) {
            found.append("a variable of '\(name)' comes from elsewhere")
        }
        if container["resources"]?["claims"] != nil { found.append("'\(name)' claims devices") }
        for key in ["memory", "cpu"]
        where container["resources"]?["limits"]?[key]?.stringValue.flatMap({ Quantity($0) }) == nil {
            found.append("'\(name)' has no limit on \(key)")
        }
        return found
    }

    private func bounds(of container: JSON) -> [String] {
        let given = container["resources"]?["limits"]
        var found: [String] = []
        if let memory = given?["memory"]?.stringValue.flatMap({ Quantity($0) }), memory.whole > limits.memoryBytes {
            found.append("its memory is more than \(limits.memoryBytes) bytes")
        }
        if let cpu = given?["cpu"]?.stringValue.flatMap({ Quantity($0) }), cpu.thousandths > limits.cpuPercent * 10 {
            found.append("its cpu is more than \(limits.cpuPercent * 10)m")
        }
        let extended = (given?.objectValue?.members ?? []).map(\.key).filter {
            !["cpu", "memory", "ephemeral-storage"].contains($0)
        }
        return found + extended.map { "it has \(String(peer: $0, limit: 64))" }
    }

    private func mounts(of container: JSON, _ wanted: [String]) -> [String] {
        let mounts = container["volumeMounts"]?.arrayValue ?? []
        guard Set(mounts.map(\.name)) == Set(wanted), mounts.count == wanted.count else {
            return ["the mounts of '\(container.name)' are not \(wanted.joined(separator: ", "))"]
        }
        return mounts.filter { mount in
            let isFixed = mount.name == "execd" && container.name == SandboxNames.container
            let known: Set = ["name", "mountPath", "readOnly", "recursiveReadOnly"]
            return mount["mountPath"] != Self.mounts[mount.name] || (mount["readOnly"]?.boolValue ?? false) != isFixed
                || !(mount.objectValue?.members ?? []).allSatisfy { known.contains($0.key) }
        }.map { "the mount '\($0.name)' of '\(container.name)' is not as it must be" }
    }

    private func volumes(_ volumes: [JSON], _ workVolume: String) -> [String] {
        volumes.filter { volume in
            switch volume.name {
            case ClaimManifest.volume:
                volume["persistentVolumeClaim"]?["claimName"]?.stringValue != workVolume
            case "tmp", "run":
                volume["emptyDir"]?["medium"]?.stringValue != "Memory"
                    || volume["emptyDir"]?["sizeLimit"]?.stringValue.flatMap { Quantity($0) } == nil
            case "execd": volume["emptyDir"]?["sizeLimit"]?.stringValue.flatMap { Quantity($0) } == nil
            default: true
            }
        }.map { "the volume '\($0.name)' is not as it must be" }
    }
}
