public import Wire

/// Makes the events that the loop appends: ids from a source, one time for all events of a step.
public struct EventFactory: Sendable {
    public let ids: any IdentifierSource
    public let threadID: ThreadID
    public let agentName: String
    public let now: Timestamp

    public init(ids: any IdentifierSource, threadID: ThreadID, agentName: String, now: Timestamp) {
        self.ids = ids
        self.threadID = threadID
        self.agentName = agentName
        self.now = now
    }

    public func event(_ type: EventType, _ fields: JSON.Object = [:], id: EventID? = nil) -> Event {
        Event(id: id ?? EventID.make(ids), type: type, processedAt: now, fields: fields)
    }

    private func threadEvent(_ type: EventType, _ more: JSON.Object = [:]) -> Event {
        var fields: JSON.Object = [
            "session_thread_id": .string(threadID.rawValue), "agent_name": .string(agentName),
        ]
        fields.members.append(contentsOf: more.members)
        return event(type, fields)
    }

    /// The pair that opens a turn, or goes on with it.
    public func running() -> [LoopEntry] {
        [LoopEntry(event(.statusRunning)), LoopEntry(threadEvent(.threadStatusRunning))]
    }

    /// The three events that end a turn, in their normative order (reference api-core §4.4).
    public func idle(_ reason: JSON, details: JSON = .null, usage: JSON) -> [LoopEntry] {
        let fields: JSON.Object = ["stop_reason": reason, "stop_details": details]
        return [LoopEntry(threadEvent(.threadStatusIdle, fields))]
            + repeatedIdle(reason, details: details, usage: usage)
    }

    /// Usage and idle without the thread's event: the remainder of a partly settled `requires_action`.
    public func repeatedIdle(_ reason: JSON, details: JSON = .null, usage: JSON) -> [LoopEntry] {
        [
            LoopEntry(event(.sessionUsage, ["usage": usage, "budget": .null])),
            LoopEntry(event(.statusIdle, ["stop_reason": reason, "stop_details": details])),
        ]
    }

    public func rescheduled() -> [LoopEntry] {
        [LoopEntry(threadEvent(.threadStatusRescheduled)), LoopEntry(event(.statusRescheduled))]
    }

    public func error(type: String, message: String, retry: String) -> LoopEntry {
        LoopEntry(
            event(
                .sessionError,
                [
                    "error": [
                        "type": .string(type), "message": .string(message), "retry_status": ["type": .string(retry)],
                    ]
                ]))
    }

    /// The second appearance of a queued input: taken now.
    public func taken(_ event: Event) -> LoopEntry {
        var event = event
        event.processedAt = now
        return LoopEntry(event, replacesQueued: true)
    }

    /// A result that the loop itself gives to a call.
    public func failedResult(of call: EventID, kind: CallState.Kind, _ message: String) -> LoopEntry {
        let content: JSON = [["type": "text", "text": .string(message)]]
        let key = kind == .custom ? "custom_tool_use_id" : "tool_use_id"
        return LoopEntry(
            event(
                kind == .custom ? .userCustomToolResult : .agentToolResult,
                JSON.Object([
                    (key: key, value: .string(call.rawValue)), (key: "content", value: content),
                    (key: "is_error", value: true),
                ])))
    }

    public func spanEnd(of start: EventID, isError: Bool, usage: TokenUsage, note: JSON) -> LoopEntry {
        var note = note
        note["usage"] = usage.json(activeSeconds: 0)
        return LoopEntry(
            event(
                .modelRequestEnd,
                [
                    "model_request_start_id": .string(start.rawValue), "is_error": .bool(isError),
                    "model_usage": usage.spanJSON,
                ]), note: note)
    }
}

/// An event to append, with what the loop remembers beside it.
public struct LoopEntry: Sendable, Equatable {
    public var event: Event
    /// Never sent to clients.
    public var note: JSON?
    public var replacesQueued: Bool

    public init(_ event: Event, note: JSON? = nil, replacesQueued: Bool = false) {
        self.event = event
        self.note = note
        self.replacesQueued = replacesQueued
    }
}
