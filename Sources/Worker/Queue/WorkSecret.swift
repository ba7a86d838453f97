internal import Wire

/// What an item's secret carries (self-hosted-sandboxes §1.4), with the members that our own server adds.
struct WorkSecret: Sendable {
    /// Used for everything about this item but poll and acknowledgement.
    var sessionsToken: Credential?
    /// Ours: calls that an earlier holder may have started.
    var interruptedCalls: Set<String>
    /// Ours: the environment's type and network rules; nil from a server that does not send it.
    var environment: JSON?
    /// Ours: the kept sandbox that the session starts from.
    var snapshot: SnapshotName?
    /// Ours: the session names vaults, so secrets are to be fetched before its sandbox is made.
    var hasVaults: Bool
    /// Ours: what the environment asks of its sandboxes.
    var sandbox: JSON?

    /// Reads URL-safe base64 (padding may miss) of a JSON object; nil when it is not one.
    init?(_ text: String) {
        guard let bytes = Base64.decode(text), let json = try? JSON(parsing: bytes), json.objectValue != nil else {
            return nil
        }
        sessionsToken = json["sessions_token"]?.stringValue.flatMap { Credential($0) }
        interruptedCalls = Set(json["interrupted_calls"]?.arrayValue?.compactMap { $0.stringValue } ?? [])
        environment = json["environment"].flatMap { $0.objectValue == nil ? nil : $0 }
        sandbox = json["sandbox"]
        hasVaults = json["has_vaults"]?.boolValue ?? false
        snapshot = json["snapshot"]?.stringValue.flatMap { SnapshotName($0) }
    }
}
