import Loop
import Synchronization
import Wire

/// Identifiers that count up, so that tests can name them.
final class CountingIdentifiers: IdentifierSource {
    private let count = Mutex(0)
    func next() -> String {
        count.withLock { count in
            count += 1
            return "\(count)"
        }
    }
}

/// A session's log in memory: drives the machine the way the orchestrator does, without its effects.
struct LogBuilder {
    var state = SessionState()
    var log: [Event] = []
    let make = EventFactory(
        ids: CountingIdentifiers(), threadID: ThreadID("sthr_1") ?? ThreadID.make(CountingIdentifiers()),
        agentName: "Agent", now: Timestamp(microseconds: 1_000_000))
    var machine: TurnMachine

    init(environment: EnvironmentType = .cloud, limits: LoopLimits = LoopLimits(), threshold: Int = 1000) {
        machine = TurnMachine(limits: limits, environment: environment, compactionThreshold: threshold)
    }

    mutating func append(_ entry: LoopEntry) {
        log.append(entry.event)
        state.apply(entry.event, note: entry.note, seq: state.lastSeq + 1)
    }
    mutating func append(_ entries: [LoopEntry]) { for entry in entries { append(entry) } }

    /// A client's message, waiting.
    mutating func message(_ text: String) {
        append(LoopEntry(queued(.userMessage, ["content": [["type": "text", "text": .string(text)]]])))
    }
    mutating func interrupt() { append(LoopEntry(queued(.userInterrupt, [:]))) }

    private func queued(_ type: EventType, _ fields: JSON.Object) -> Event {
        Event(id: EventID.make(make.ids), type: type, processedAt: nil, fields: fields)
    }

    func decide() -> TurnMachine.Decision { machine.decide(state, make, usage: [:]) }

    /// Performs decisions until one needs the outside; returns it.
    mutating func settle() -> TurnMachine.Decision {
        for _ in 0..<32 {
            let decision = decide()
            guard case .append(let entries, _) = decision else { return decision }
            append(entries)
        }
        return decide()
    }

    /// Takes a `callModel` decision as far as its open request.
    mutating func openRequest() -> TurnMachine.Purpose? {
        guard case .callModel(let entries, let purpose) = settle() else { return nil }
        append(entries)
        return purpose
    }

    /// Ends the open request with a response.
    mutating func respond(
        _ text: String = "done", calls: [(name: String, kind: EventType, permission: String)] = [],
        stop: String? = nil, tokens: Int = 10, details: JSON? = nil
    ) -> [EventID] {
        guard let span = state.openSpan else { return [] }
        var content: [JSON] = text.isEmpty ? [] : [["type": "text", "text": .string(text)]]
        var ids: [EventID] = []
        if !text.isEmpty { append(LoopEntry(make.event(.agentMessage, ["content": .array(content)]))) }
        for call in calls {
            var fields: JSON.Object = ["name": .string(call.name), "input": [:]]
            if call.kind == .agentToolUse { fields["evaluated_permission"] = .string(call.permission) }
            let event = make.event(call.kind, fields)
            ids.append(event.id)
            content.append([
                "type": "tool_use", "id": .string("toolu_\(event.id)"), "name": .string(call.name), "input": [:],
            ])
            append(LoopEntry(event, note: ["model_id": .string("toolu_\(event.id)")]))
        }
        var note: JSON = [
            "content": .array(content), "stop_reason": .string(stop ?? (calls.isEmpty ? "end_turn" : "tool_use")),
            "context_tokens": JSON(tokens),
        ]
        if let details { note["stop_details"] = details }
        append(make.spanEnd(of: span, isError: false, usage: TokenUsage(input: tokens, output: 1), note: note))
        return ids
    }

    mutating func result(of call: EventID, _ type: EventType = .userToolResult, _ text: String = "ok") {
        let key = type == .userCustomToolResult ? "custom_tool_use_id" : "tool_use_id"
        append(
            LoopEntry(
                make.event(
                    type,
                    JSON.Object([
                        (key: key, value: .string(call.rawValue)),
                        (key: "content", value: [["type": "text", "text": .string(text)]]),
                    ]))))
    }

    mutating func confirm(_ call: EventID, _ verdict: String, message: String? = nil) {
        var fields: JSON.Object = ["tool_use_id": .string(call.rawValue), "result": .string(verdict)]
        if let message { fields["deny_message"] = .string(message) }
        append(LoopEntry(make.event(.userToolConfirmation, fields)))
    }

    var types: [String] { log.map(\.type.rawValue) }
    /// The `event_ids` of the last idle event.
    var pending: [String]? {
        log.last { $0.type == .statusIdle }?["stop_reason"]?["event_ids"]?.arrayValue?.compactMap(\.stringValue)
    }
    var lastStopReason: String? {
        log.last { $0.type == .statusIdle }?["stop_reason"]?["type"]?.stringValue
    }
}
