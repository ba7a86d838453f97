internal import Sandbox
internal import Wire

/// What the cluster says of one SandboxClaim (`extensions.agents.x-k8s.io/v1beta1`), as far as it matters here.
struct ClaimFacts: Sendable, Equatable {
    var uid: String
    var id: SandboxID
    var owner: String
    var shape: String
    /// When a sandbox of it was last taken into use, in seconds since 1970; nil while none ever was, so that there are no files.
    var used: Int?
    /// The Pod that was looked at from all sides.
    var seen: String?
    var isLeaving: Bool
    /// The Sandbox that the cluster gave.
    var sandbox: String?
    var isReady: Bool
    /// Why it is not ready, in the cluster's words.
    var reason: String
    /// Waiting does not help.
    var isHopeless: Bool

    /// What the claims' controller says of a claim that it will not serve as it stands.
    private static let hopeless: Set<String> = [
        "WarmPoolNotFound", "TemplateNotFound", "InvalidMetadata", "EnvVarsInjectionRejected",
        "VolumeClaimTemplatesError", "ClaimExpired",
    ]

    /// Nil for what is no claim of ours.
    init?(_ claim: JSON) {
        guard let metadata = claim["metadata"], let uid = metadata["uid"]?.stringValue, !uid.isEmpty,
            let id = metadata["annotations"]?[SandboxNames.id]?.stringValue.flatMap({ SandboxID($0) }),
            let owner = metadata["labels"]?[SandboxNames.owner]?.stringValue
        else { return nil }
        self.uid = uid
        self.id = id
        self.owner = owner
        shape = metadata["annotations"]?[SandboxNames.shape]?.stringValue ?? ""
        used = metadata["annotations"]?[SandboxNames.used]?.stringValue.flatMap { Int($0) }
        seen = metadata["annotations"]?[SandboxNames.seen]?.stringValue
        isLeaving = metadata["deletionTimestamp"].map { !$0.isNull } ?? false
        sandbox = claim["status"]?["sandbox"]?["name"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
        let ready = claim["status"]?["conditions"]?.arrayValue?.first { $0["type"]?.stringValue == "Ready" }
        isReady = ready?["status"]?.stringValue == "True"
        let code = ready?["reason"]?.stringValue ?? ""
        isHopeless = !isReady && Self.hopeless.contains(code)
        let words = [code, ready?["message"]?.stringValue ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
        reason = words.isEmpty ? "agent-sandbox's controller" : String(peer: words, limit: 300)
    }
}

/// What the cluster says of the Sandbox (`agents.x-k8s.io/v1beta1`) that a claim was given.
struct ClaimedSandbox: Sendable, Equatable {
    /// Tells what a warm Pod is called whose Sandbox it is not named after.
    private static let podName = "agents.x-k8s.io/pod-name"
    /// The label by which the Sandboxes of a claim are found.
    static let claimUID = "agents.x-k8s.io/claim-uid"

    var name: String
    var uid: String
    /// The claim, or the pool that it still belongs to.
    var controller: String
    var pod: String
    var hasEnd: Bool
    /// Its specification: that of the template, at the time at which it was made.
    var blueprint: JSON

    init?(_ sandbox: JSON) {
        guard let metadata = sandbox["metadata"], let name = metadata["name"]?.stringValue,
            let uid = metadata["uid"]?.stringValue, !uid.isEmpty, let blueprint = sandbox["spec"],
            metadata["deletionTimestamp"].map({ $0.isNull }) ?? true
        else { return nil }
        self.name = name
        self.uid = uid
        self.blueprint = blueprint
        controller = Self.controller(of: metadata)
        let tracked = metadata["annotations"]?[Self.podName]?.stringValue ?? ""
        pod = tracked.isEmpty ? name : tracked
        hasEnd = blueprint["shutdownTime"]?.stringValue != nil && blueprint["shutdownPolicy"]?.stringValue == "Retain"
    }

    /// The uid of what a thing belongs to; empty for none.
    static func controller(of metadata: JSON) -> String {
        metadata["ownerReferences"]?.arrayValue?.first { $0["controller"]?.boolValue == true }?["uid"]?.stringValue
            ?? ""
    }
}

/// The Pod of such a Sandbox.
struct ClaimedPod: Sendable, Equatable {
    var uid: String
    var controller: String
    var isLeaving: Bool
    var state: PodFacts.State
    var whole: JSON

    init?(_ pod: JSON) {
        guard let metadata = pod["metadata"], let uid = metadata["uid"]?.stringValue, !uid.isEmpty else { return nil }
        self.uid = uid
        controller = ClaimedSandbox.controller(of: metadata)
        isLeaving = metadata["deletionTimestamp"].map { !$0.isNull } ?? false
        state = PodFacts.state(pod["status"])
        whole = pod
    }
}
