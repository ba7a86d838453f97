internal import Wire

/// The part of a session's events that a worker acts on.
enum SessionEvent: Sendable, Equatable {
    case toolUse(ToolUse)
    case toolResult(call: String)
    case confirmation(call: String, isAllowed: Bool)
    /// `stamp` tells the queued from the applied appearance of one interrupt; each acts once.
    case interrupt(stamp: String, thread: String?)
    case idle(id: String, needsAction: Bool)
    /// Terminated or deleted.
    case ended
    case threadTerminated(thread: String, id: String)
    case threadStatus(thread: String)
    /// Bookkeeping of an idle session: it neither starts work nor proves that nobody is there.
    case bookkeeping
    case other

    /// Reads any event; what the worker does not know becomes ``other``.
    init(_ json: JSON) {
        let id = json["id"]?.stringValue ?? ""
        let thread = json["session_thread_id"]?.stringValue
        switch json["type"]?.stringValue {
        case "agent.tool_use":
            self = ToolUse(json).map(SessionEvent.toolUse) ?? .other
        case "user.tool_result", "agent.tool_result":
            self = json["tool_use_id"]?.stringValue.map { .toolResult(call: $0) } ?? .other
        case "user.tool_confirmation":
            guard let call = json["tool_use_id"]?.stringValue else {
                self = .other
                return
            }
            self = .confirmation(call: call, isAllowed: json["result"]?.stringValue == "allow")
        case "user.interrupt":
            let isApplied = json["processed_at"]?.stringValue != nil
            self = .interrupt(stamp: id + (isApplied ? "/applied" : "/queued"), thread: thread)
        case "session.status_idle":
            self = .idle(id: id, needsAction: json["stop_reason"]?["type"]?.stringValue == "requires_action")
        case "session.status_terminated", "session.deleted":
            self = .ended
        case "session.thread_status_terminated":
            self = thread.map { .threadTerminated(thread: $0, id: id) } ?? .other
        case "session.thread_status_running", "session.thread_status_idle", "session.thread_status_rescheduled":
            self = thread.map { .threadStatus(thread: $0) } ?? .other
        case "session.updated", "session.usage":
            self = .bookkeeping
        default:
            self = .other
        }
    }
}
