internal import Wire

/// One claimed item of a work queue.
struct WorkItem: Sendable {
    enum Kind: Sendable, Equatable {
        case session(RemoteID)
        /// A health check or something newer; it is acknowledged and stopped.
        case other(type: String)
    }
    var id: RemoteID
    /// The environment that the item belongs to, which may differ from the one polled.
    var environment: RemoteID
    var kind: Kind
    /// Nil when the item brought none, or one that cannot be read.
    var secret: WorkSecret?

    /// Reads an answer of a poll; nil when it lacks what the worker needs. Unknown members are ignored.
    init?(_ json: JSON) {
        guard let id = RemoteID(json["id"]?.stringValue),
            let environment = RemoteID(json["environment_id"]?.stringValue),
            let type = json["data"]?["type"]?.stringValue
        else { return nil }
        self.id = id
        self.environment = environment
        if type == "session" {
            guard let session = RemoteID(json["data"]?["id"]?.stringValue) else { return nil }
            kind = .session(session)
        } else {
            kind = .other(type: String(type.prefix(64)))
        }
        secret = json["secret"]?.stringValue.flatMap { WorkSecret($0) }
    }
}
