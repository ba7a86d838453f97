/// One event of a session's log, as clients see it (reference api-core §4.6).
public struct Event: Sendable, Equatable {
    public var id: EventID
    public var type: EventType
    /// When the loop took the event; nil while a client's event waits in the queue.
    public var processedAt: Timestamp?
    /// The members beside `type`, `id` and `processed_at`.
    public var fields: JSON.Object

    public init(id: EventID, type: EventType, processedAt: Timestamp?, fields: JSON.Object = [:]) {
        self.id = id
        self.type = type
        self.processedAt = processedAt
        self.fields = fields
    }

    /// The object that is stored and sent.
    public var json: JSON {
        var object = JSON.Object([
            (key: "type", value: .string(type.rawValue)), (key: "id", value: .string(id.rawValue)),
        ])
        object.members.append(contentsOf: fields.members)
        object.members.append((key: "processed_at", value: JSON(processedAt)))
        return .object(object)
    }

    /// Reads a stored event back; nil when the bytes are not one.
    public init?(json: JSON) {
        guard case .object(var object) = json, let id = object["id"]?.stringValue.flatMap({ EventID($0) }),
            let type = object["type"]?.stringValue
        else { return nil }
        self.id = id
        self.type = EventType(rawValue: type)
        processedAt = object["processed_at"]?.stringValue.flatMap { Timestamp($0) }
        object["id"] = nil
        object["type"] = nil
        object["processed_at"] = nil
        fields = object
    }

    public subscript(_ key: String) -> JSON? { fields[key] }
}

/// The kind of an event; kinds that this version does not know are kept and passed on.
public struct EventType: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    private init(_ text: String) { rawValue = text }

    public static let userMessage = EventType("user.message")
    public static let userInterrupt = EventType("user.interrupt")
    public static let userToolConfirmation = EventType("user.tool_confirmation")
    public static let userCustomToolResult = EventType("user.custom_tool_result")
    public static let userToolResult = EventType("user.tool_result")
    public static let userDefineOutcome = EventType("user.define_outcome")
    public static let systemMessage = EventType("system.message")
    public static let agentMessage = EventType("agent.message")
    public static let agentThinking = EventType("agent.thinking")
    public static let agentToolUse = EventType("agent.tool_use")
    public static let agentToolResult = EventType("agent.tool_result")
    public static let agentCustomToolUse = EventType("agent.custom_tool_use")
    public static let agentMCPToolUse = EventType("agent.mcp_tool_use")
    public static let agentMCPToolResult = EventType("agent.mcp_tool_result")
    public static let contextCompacted = EventType("agent.thread_context_compacted")
    public static let statusRunning = EventType("session.status_running")
    public static let statusIdle = EventType("session.status_idle")
    public static let statusRescheduled = EventType("session.status_rescheduled")
    public static let statusTerminated = EventType("session.status_terminated")
    public static let sessionDeleted = EventType("session.deleted")
    public static let sessionUpdated = EventType("session.updated")
    public static let sessionUsage = EventType("session.usage")
    public static let sessionError = EventType("session.error")
    public static let threadStatusRunning = EventType("session.thread_status_running")
    public static let threadStatusIdle = EventType("session.thread_status_idle")
    public static let threadStatusRescheduled = EventType("session.thread_status_rescheduled")
    public static let threadStatusTerminated = EventType("session.thread_status_terminated")
    public static let modelRequestStart = EventType("span.model_request_start")
    public static let modelRequestEnd = EventType("span.model_request_end")

    /// The values that the `types[]` filter of the event list accepts (reference api-core §4.6: 41 history types).
    public static let filterable: Set<String> = [
        "user.message", "user.interrupt", "user.tool_confirmation", "user.custom_tool_result", "user.tool_result",
        "user.define_outcome", "system.message", "agent.message", "agent.thinking", "agent.tool_use",
        "agent.tool_result",
        "agent.mcp_tool_use", "agent.mcp_tool_result", "agent.custom_tool_use", "agent.thread_message_received",
        "agent.thread_message_sent", "agent.thread_context_compacted", "session.status_running", "session.status_idle",
        "session.status_rescheduled", "session.status_terminated", "session.updated", "session.usage", "session.error",
        "session.thread_created", "session.thread_status_running", "session.thread_status_idle",
        "session.thread_status_rescheduled", "session.thread_status_terminated", "span.model_request_start",
        "span.model_request_end", "span.outcome_evaluation_start", "span.outcome_evaluation_ongoing",
        "span.outcome_evaluation_end", "workflow_run.created", "workflow_run.status_running",
        "workflow_run.status_idle",
        "workflow_run.phase_started", "workflow_run.phase_ended", "workflow_run.error", "workflow_run.status_ended",
    ]
}
