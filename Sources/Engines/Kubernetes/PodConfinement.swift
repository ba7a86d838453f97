internal import Sandbox
internal import Wire

/// Whether a Pod is in the cluster as it was asked for: admission may change it, and an old API server drops what it does
/// not know. Pure.
enum PodConfinement {
    /// What was lost or added, in words; empty when nothing was.
    static func violations(_ pod: JSON, asked: JSON) -> [String] {
        guard let spec = pod["spec"], let wanted = asked["spec"] else { return ["it has no specification"] }
        var found: [String] = []
        for key in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] where spec[key]?.boolValue == true {
            found.append("\(key) was switched on")
        }
        if spec["automountServiceAccountToken"]?.boolValue != false { found.append("a service account is mounted") }
        if wanted["hostUsers"] != nil, spec["hostUsers"]?.boolValue != false {
            found.append("the user namespace was dropped (Kubernetes 1.33 has them)")
        }
        if spec["runtimeClassName"]?.stringValue != wanted["runtimeClassName"]?.stringValue,
            wanted["runtimeClassName"] != nil
        {
            found.append("the runtime class was changed")
        }
        if let seconds = spec["activeDeadlineSeconds"]?.intValue, let most = wanted["activeDeadlineSeconds"]?.intValue,
            seconds <= most
        {
        } else {
            found.append("its life has no end")
        }
        for key in ["containers", "initContainers"] {
            found += containers(spec[key]?.arrayValue ?? [], wanted[key]?.arrayValue ?? [])
        }
        if let more = spec["ephemeralContainers"]?.arrayValue, !more.isEmpty { found.append("a container was added") }
        found += volumes(spec["volumes"]?.arrayValue ?? [], wanted["volumes"]?.arrayValue ?? [])
        return found
    }

    private static func containers(_ actual: [JSON], _ wanted: [JSON]) -> [String] {
        guard actual.map(\.name) == wanted.map(\.name) else {
            return ["containers were added: exempt the namespace from injection"]
        }
        return zip(actual, wanted).flatMap { actual, wanted -> [String] in
            var found = context(of: actual).map { "\($0) of '\(actual.name)' was changed" }
            for key in ["cpu", "memory"]
            where actual["resources"]?["limits"]?[key]?.stringValue.flatMap(Quantity.init)
                != wanted["resources"]?["limits"]?[key]?.stringValue.flatMap(Quantity.init)
            {
                found.append("the \(key) limit of '\(actual.name)' was changed")
            }
            for key in ["command", "image"] where actual[key] != wanted[key] {
                found.append("the \(key) of '\(actual.name)' was changed")
            }
            return found
        }
    }

    /// What a container's own confinement lacks.
    static func context(of container: JSON) -> [String] {
        let context = container["securityContext"]
        var found = (PodManifest.confinement.objectValue?.members ?? []).filter { !holds(context?[$0.key], $0.value) }
            .map(\.key)
        if let added = context?["capabilities"]?["add"]?.arrayValue, !added.isEmpty, !found.contains("capabilities") {
            found.append("capabilities")
        }
        return found
    }

    /// Members that were added beside the ones asked for change nothing.
    private static func holds(_ actual: JSON?, _ wanted: JSON) -> Bool {
        guard let members = wanted.objectValue?.members else { return actual == wanted }
        return members.allSatisfy { holds(actual?[$0.key], $0.value) }
    }

    private static func volumes(_ actual: [JSON], _ wanted: [JSON]) -> [String] {
        let known = Set(wanted.map(\.name))
        return actual.filter { !known.contains($0.name) }.map { "a volume '\($0.name)' was added" }
    }
}

extension JSON {
    /// The `name` of one of many, which may be anything.
    var name: String { String(peer: self["name"]?.stringValue ?? "", limit: 64) }
}
