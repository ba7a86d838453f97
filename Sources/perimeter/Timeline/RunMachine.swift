internal import Wire

/// Follows one turn of a session for `perimeter run`: says when a person must be asked and how the turn ended. Pure.
struct RunMachine: Sendable {
    /// A call that waits for somebody.
    struct PendingCall: Sendable, Equatable {
        var id: String
        var name: String
        var summary: String
    }

    enum Step: Sendable, Equatable {
        /// A person must allow or deny this call.
        case ask(PendingCall)
        case finish(Outcome)
    }

    enum Outcome: Sendable, Equatable {
        case completed
        /// The turn ended otherwise; the text says how.
        case failed(String)
        /// A custom tool of the agent waits for a client that can answer it.
        case needsClient(String)
    }

    private var calls: [String: JSON] = [:]
    private var answered: Set<String> = []
    private var seen: Set<String> = []

    /// What follows from `event`. Events may come twice; the second time nothing follows.
    mutating func take(_ event: JSON) -> [Step] {
        guard let id = event["id"]?.stringValue else { return [] }
        // A queued event comes again when the loop takes it; confirmations count at once.
        guard seen.insert(id).inserted else { return [] }
        switch event["type"]?.stringValue {
        case "agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use":
            calls[id] = event
            return []
        case "user.tool_confirmation", "user.tool_result", "agent.tool_result", "agent.mcp_tool_result",
            "user.custom_tool_result":
            for key in ["tool_use_id", "mcp_tool_use_id", "custom_tool_use_id"] {
                if let call = event[key]?.stringValue { answered.insert(call) }
            }
            return []
        case "session.status_idle": return idle(event)
        case "session.status_terminated": return [.finish(.failed("the session was terminated"))]
        case "session.deleted": return [.finish(.failed("the session was deleted"))]
        default: return []
        }
    }

    private mutating func idle(_ event: JSON) -> [Step] {
        let reason = event["stop_reason"]?["type"]?.stringValue ?? "unknown"
        switch reason {
        case "end_turn": return [.finish(.completed)]
        case "requires_action":
            var steps: [Step] = []
            for id in event["stop_reason"]?["event_ids"]?.arrayValue?.compactMap(\.stringValue) ?? [] {
                guard !answered.contains(id), let call = calls[id] else { continue }
                let name = call["name"]?.stringValue ?? "tool"
                if call["type"]?.stringValue == "agent.custom_tool_use" {
                    steps.append(.finish(.needsClient(name)))
                } else if call["evaluated_permission"]?.stringValue == "ask" {
                    answered.insert(id)
                    let summary = ToolInputSummary.text(name: name, input: call["input"], width: 400)
                    steps.append(.ask(PendingCall(id: id, name: name, summary: summary)))
                }
                // Anything else is a sandbox tool of a self-hosted environment: its worker answers.
            }
            return steps
        case "retries_exhausted": return [.finish(.failed("the model could not be reached, retries are used up"))]
        case "refusal":
            let why = event["stop_details"]?["explanation"]?.stringValue.map { ": " + $0 } ?? ""
            return [.finish(.failed("the model refused" + why))]
        case "budget_reached": return [.finish(.failed("the session's budget is used up"))]
        default: return [.finish(.failed("the session stopped: \(reason)"))]
        }
    }
}
