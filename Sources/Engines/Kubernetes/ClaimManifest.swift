internal import ExecdProtocol
internal import Sandbox
internal import Wire

/// The objects that a sandbox is claimed with. Pure.
struct ClaimManifest: Sendable {
    /// What the template calls the volume of the work directory.
    static let volume = "work"

    var spec: SandboxSpec
    var owner: String
    var pool: String
    /// Whether processes can be counted per sandbox by their user.
    var countsProcesses: Bool

    var name: String { SandboxNames.name(spec.id) }

    /// - Parameter end: a claim that nobody takes into use is removed by the cluster then.
    func claim(end: Timestamp) -> JSON {
        [
            "apiVersion": "extensions.agents.x-k8s.io/v1beta1", "kind": "SandboxClaim",
            "metadata": SandboxNames.metadata(
                spec.id, owner: owner, [(SandboxNames.shape, SandboxNames.shape(spec))]),
            "spec": [
                "warmPoolRef": ["name": .string(pool)], "lifecycle": Self.lifecycle(end: end),
                // Labels of other domains than its own are refused by the controller, so the owner is an annotation here.
                "additionalPodMetadata": [
                    "annotations": JSON([
                        (key: SandboxNames.id, value: spec.id.rawValue), (key: SandboxNames.owner, value: owner),
                        (key: SandboxNames.shape, value: SandboxNames.shape(spec)),
                    ])
                ],
            ],
        ]
    }

    static func lifecycle(end: Timestamp) -> JSON {
        ["shutdownTime": .string(end.description), "shutdownPolicy": "Delete"]
    }

    /// What every worker says to the daemon. Kept where its owner's colleagues find it.
    func secret(_ token: ExecdToken) -> JSON {
        [
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
            "metadata": SandboxNames.metadata(spec.id, owner: owner),
            "stringData": .object(JSON.Object([(PodManifest.tokenKey, .string(token.exposed))])),
        ]
    }

    var orders: ExecdOrders {
        ExecdOrders(
            proxyPort: spec.network == .none ? 0 : UInt16(PodManifest.proxyPort),
            outputLimit: UInt32(clamping: spec.limits.outputBytes),
            processLimit: countsProcesses ? UInt32(clamping: spec.limits.processes) : 0)
    }

    /// The daemon's command in a template: what a session wants comes later.
    static let command: JSON = [
        .string(PodManifest.execd), "--await", .string(PodManifest.socket), "--workdir",
        .string(PodManifest.workDirectory), "--root", "/tmp", "--read-only-root", "/usr",
    ]
}
