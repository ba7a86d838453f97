internal import Wire

/// What the queue answers to an accepted heartbeat.
struct HeartbeatAnswer: Sendable, Equatable {
    /// Echoed byte for byte in the next beat.
    var lastHeartbeat: String
    var isExtended: Bool
    /// True when the item is to be torn down.
    var isStopping: Bool
    var leaseSeconds: Int

    init(lastHeartbeat: String, isExtended: Bool, isStopping: Bool, leaseSeconds: Int) {
        self.lastHeartbeat = lastHeartbeat
        self.isExtended = isExtended
        self.isStopping = isStopping
        self.leaseSeconds = leaseSeconds
    }

    /// Nil when the members that the worker needs are missing.
    init?(_ json: JSON) {
        guard let last = json["last_heartbeat"]?.stringValue, let extended = json["lease_extended"]?.boolValue,
            let seconds = json["ttl_seconds"]?.doubleValue, seconds >= 0, seconds <= 86_400
        else { return nil }
        lastHeartbeat = last
        isExtended = extended
        isStopping = ["stopping", "stopped"].contains(json["state"]?.stringValue ?? "")
        leaseSeconds = max(1, Int(seconds))
    }
}
