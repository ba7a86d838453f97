internal import Sandbox
internal import Wire

/// How things of a sandbox are called in the cluster. Pure.
enum SandboxNames {
    static let role = "perimeter.dev/role"
    static let owner = "perimeter.dev/owner"
    /// The sandbox's id: annotations may hold what names and labels may not.
    static let id = "perimeter.dev/id"
    /// What a Pod was made for: another one is needed for other bounds.
    static let shape = "perimeter.dev/shape"
    /// When a volume was last taken into use, in seconds since 1970.
    static let used = "perimeter.dev/used"
    static let roleValue = "sandbox"
    static let policy = "perimeter-sandboxes"
    static let container = "sandbox"
    /// The Pod of a claim that was found to be confined, by its uid: no other is attached to.
    static let seen = "perimeter.dev/seen"

    /// The same for the same sandbox, for every worker: two that make one meet. Its Pod, Secret and volume have this name.
    static func name(_ id: SandboxID) -> String {
        // Ids differ in letter case too, names do not (RFC 1123): two numbers of 64 bits tell them apart.
        let text = id.rawValue
        let numbers = [StableHash.of(text), StableHash.of(String(text.reversed()) + "/")]
        return "perimeter-" + numbers.map { String($0, radix: 36) }.joined(separator: "-")
    }

    static func metadata(
        _ id: SandboxID, owner: String, _ more: [(key: String, value: String)] = []
    ) -> JSON {
        [
            "name": .string(name(id)),
            "labels": JSON([
                (key: "app.kubernetes.io/managed-by", value: "perimeter"), (key: role, value: roleValue),
                (key: Self.owner, value: owner),
                // Meshes put containers of theirs into Pods that do not say no.
                (key: "sidecar.istio.io/inject", value: "false"),
            ]),
            "annotations": JSON(
                [(key: Self.id, value: id.rawValue), (key: "linkerd.io/inject", value: "disabled")] + more),
        ]
    }

    static func selector(owner: String) -> String { "\(role)=\(roleValue),\(Self.owner)=\(owner)" }

    static func shape(_ spec: SandboxSpec) -> String {
        let limits = spec.limits
        let numbers = [
            limits.memoryBytes, limits.processes, limits.cpuPercent, limits.diskBytes, limits.outputBytes,
        ]
        return "1 " + numbers.map { "\($0)" }.joined(separator: " ") + (spec.network == .none ? " closed" : " proxy")
    }
}
