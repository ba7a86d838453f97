extension ClientEvent {
    /// Events per request.
    public static let requestLimit = 1000

    /// Checks the body of an event send (reference api-core §4.2). What depends on the session is checked when it is stored.
    /// - Throws: ``WireError`` 400 naming the event and member.
    public static func request(_ body: JSON) throws(WireError) -> [ClientEvent] {
        var reader = try ObjectReader(body)
        let items = try reader.optionalArray("events", count: 1...requestLimit).orNil
        try reader.finish()
        guard let items else { throw .invalid("events: field required") }
        return try parse(items, path: "events")
    }

    /// Checks the `initial_events` of a new session: messages only.
    public static func initial(_ items: [JSON]) throws(WireError) -> [ClientEvent] {
        guard items.count <= 50 else { throw .invalid("initial_events: at most 50 events are allowed") }
        let events = try parse(items, path: "initial_events")
        for (index, event) in events.enumerated() where event.type != .userMessage {
            throw .invalid(
                "initial_events[\(index)].type: '\(event.type.rawValue)' cannot start a session; use user.message")
        }
        return events
    }

    private static func parse(_ items: [JSON], path: String) throws(WireError) -> [ClientEvent] {
        var content = ContentBlock()
        var events: [ClientEvent] = []
        for (index, item) in items.enumerated() {
            let label = "\(path)[\(index)]"
            var reader = try ObjectReader(item, path: label)
            let type = EventType(rawValue: try reader.string("type"))
            let fields = try fields(of: type, &reader, &content, label)
            try reader.finish()
            if type == .systemMessage, index != items.count - 1 {
                throw .invalid("\(label): system.message must be the last event of a request")
            }
            events.append(ClientEvent(type: type, fields: fields))
        }
        return events
    }

    private static func fields(
        of type: EventType, _ reader: inout ObjectReader, _ content: inout ContentBlock, _ label: String
    ) throws(WireError) -> JSON.Object {
        switch type {
        case .userMessage, .systemMessage:
            let blocks = try reader.optionalArray("content", count: 1...1000).orNil
            guard let blocks else { throw .invalid("\(label).content: field required") }
            try content.check(blocks, type == .systemMessage ? .system : .message, "\(label).content")
            return ["content": .array(blocks)]
        case .userInterrupt:
            guard let thread = try reader.optionalString("session_thread_id", length: 1...128).orNil else { return [:] }
            return ["session_thread_id": .string(thread)]
        case .userToolConfirmation:
            let use = try reader.string("tool_use_id", length: 1...128)
            let result = try reader.string("result")
            guard result == "allow" || result == "deny" else {
                throw .invalid("\(label).result: must be 'allow' or 'deny'")
            }
            var fields: JSON.Object = ["tool_use_id": .string(use), "result": .string(result)]
            if let message = try reader.optionalString("deny_message", length: 0...10_000).orNil {
                guard result == "deny" else { throw .invalid("\(label).deny_message: is allowed with 'deny' only") }
                fields["deny_message"] = .string(message)
            }
            return fields
        case .userToolResult, .userCustomToolResult:
            let key = type == .userToolResult ? "tool_use_id" : "custom_tool_use_id"
            var fields: JSON.Object = [key: .string(try reader.string(key, length: 1...128))]
            if let blocks = try reader.optionalArray("content", count: 0...1000).orNil {
                try content.check(blocks, .toolResult, "\(label).content")
                fields["content"] = .array(blocks)
            }
            if let isError = try reader.optionalBool("is_error").orNil { fields["is_error"] = .bool(isError) }
            return fields
        case .userDefineOutcome:
            throw .invalid("\(label): user.define_outcome is not supported by this server")
        default:
            throw .invalid("\(label).type: '\(type.rawValue.prefix(64))' is not an event that clients send")
        }
    }
}
