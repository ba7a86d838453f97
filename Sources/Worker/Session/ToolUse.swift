internal import Wire

/// A call that the session asks for, as its event states it.
struct ToolUse: Sendable, Equatable {
    enum Gate: Sendable, Equatable { case open, needsVerdict, denied }

    /// The id of the event, under which the call is journalled and answered.
    var id: String
    var name: String
    var input: JSON
    var gate: Gate
    /// The thread that asks; nil for the primary one.
    var thread: String?

    /// Nil when the event lacks an id that can be journalled, or a name.
    init?(_ event: JSON) {
        guard let id = RemoteID(event["id"]?.stringValue), let name = event["name"]?.stringValue else { return nil }
        self.id = id.rawValue
        self.name = name
        input = event["input"] ?? [:]
        thread = event["session_thread_id"]?.stringValue
        gate =
            switch event["evaluated_permission"] ?? .null {
            case .null, .string("allow"): .open
            case .string("deny"): .denied
            // An unknown verdict is not permission.
            default: .needsVerdict
            }
    }
}
