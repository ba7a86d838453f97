internal import Wire

/// Events that the commands send.
enum ClientMessages {
    static func user(_ text: String) -> JSON {
        ["type": "user.message", "content": [["type": "text", "text": .string(text)]]]
    }

    static let interrupt: JSON = ["type": "user.interrupt"]

    static func allow(_ call: String) -> JSON {
        ["type": "user.tool_confirmation", "tool_use_id": .string(call), "result": "allow"]
    }

    static func deny(_ call: String, reason: String?) -> JSON {
        var event: JSON = ["type": "user.tool_confirmation", "tool_use_id": .string(call), "result": "deny"]
        if let reason { event["deny_message"] = .string(reason) }
        return event
    }

    /// The request body that sends `events`.
    static func body(_ events: JSON...) -> JSON { ["events": .array(events)] }
}
