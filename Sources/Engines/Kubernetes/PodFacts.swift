internal import Sandbox
internal import Wire

/// What the cluster says of one Pod, as far as it matters here.
struct PodFacts: Sendable, Equatable {
    enum State: Sendable, Equatable {
        /// What it waits for, in the cluster's words.
        case waiting(String)
        case running
        /// It will not run any more, or never.
        case failed(String)
    }

    var uid: String
    var id: SandboxID
    var owner: String
    var shape: String
    var isLeaving: Bool
    var state: State

    /// Waiting for these does not help.
    private static let hopeless: Set<String> = [
        "ErrImageNeverPull", "InvalidImageName", "ErrImagePull", "ImagePullBackOff", "ImageInspectError",
        "CreateContainerError", "RunContainerError", "CrashLoopBackOff",
    ]

    /// Nil for what is no Pod of ours.
    init?(_ pod: JSON) {
        guard let metadata = pod["metadata"], let uid = metadata["uid"]?.stringValue, !uid.isEmpty,
            let id = metadata["annotations"]?[SandboxNames.id]?.stringValue.flatMap({ SandboxID($0) }),
            let owner = metadata["labels"]?[SandboxNames.owner]?.stringValue
        else { return nil }
        self.uid = uid
        self.id = id
        self.owner = owner
        shape = metadata["annotations"]?[SandboxNames.shape]?.stringValue ?? ""
        isLeaving = metadata["deletionTimestamp"].map { !$0.isNull } ?? false
        state = Self.state(pod["status"])
    }

    static func state(_ status: JSON?) -> State {
        let phase = status?["phase"]?.stringValue ?? "Pending"
        let containers =
            (status?["initContainerStatuses"]?.arrayValue ?? []) + (status?["containerStatuses"]?.arrayValue ?? [])
        for container in containers {
            if let waiting = container["state"]?["waiting"], let reason = waiting["reason"]?.stringValue,
                hopeless.contains(reason)
            {
                return .failed(words(reason, waiting["message"]))
            }
            if let ended = container["state"]?["terminated"], ended["exitCode"]?.intValue != 0 {
                return .failed(words("a container ended: \(ended["reason"]?.stringValue ?? "")", ended["message"]))
            }
        }
        switch phase {
        case "Failed", "Succeeded": return .failed(words(status?["reason"]?.stringValue ?? phase, status?["message"]))
        case "Running":
            let isRunning = containers.contains {
                $0["name"]?.stringValue == SandboxNames.container && $0["state"]?["running"] != nil
            }
            return isRunning ? .running : .waiting("its container to start")
        default:
            let unscheduled = status?["conditions"]?.arrayValue?.first {
                $0["type"]?.stringValue == "PodScheduled" && $0["status"]?.stringValue == "False"
            }
            let waiting = containers.compactMap { $0["state"]?["waiting"] }.first
            return .waiting(
                unscheduled.map { words("a node", $0["message"]) }
                    ?? words(waiting?["reason"]?.stringValue ?? phase, waiting?["message"]))
        }
    }

    private static func words(_ reason: String, _ message: JSON?) -> String {
        let message = message?.stringValue ?? ""
        return String(peer: message.isEmpty ? reason : "\(reason): \(message)", limit: 300)
    }
}
