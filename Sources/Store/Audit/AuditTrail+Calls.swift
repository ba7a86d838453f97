internal import Wire

extension AuditTrail {
    /// The lines about tool calls that go with events of a session. They name tools and calls, never inputs or outputs.
    func note(_ event: Event, of session: SessionID, workspace: String, _ connection: any SQLConnection) throws {
        let id = JSON.string(session.rawValue)
        switch event.type {
        case .agentToolUse, .agentCustomToolUse, .agentMCPToolUse:
            try AuditTrail(actor: AuditActor(.agent, id: session.rawValue), at: at).note(
                .toolCalled, event.id.rawValue, workspace: workspace,
                [
                    "session_id": id, "type": .string(event.type.rawValue),
                    "name": AuditChain.bounded(event["name"]?.stringValue ?? ""),
                    "permission": AuditChain.bounded(event["evaluated_permission"]?.stringValue ?? "allow"),
                ], connection)
        case .agentToolResult, .userToolResult, .userCustomToolResult, .agentMCPToolResult:
            let use = event["tool_use_id"] ?? event["custom_tool_use_id"] ?? event["mcp_tool_use_id"]
            try note(
                .toolAnswered, use?.stringValue ?? "", workspace: workspace,
                ["session_id": id, "is_error": .bool(event["is_error"]?.boolValue ?? false)], connection)
        case .userToolConfirmation:
            try note(
                .toolDecided, event["tool_use_id"]?.stringValue ?? "", workspace: workspace,
                ["session_id": id, "result": AuditChain.bounded(event["result"]?.stringValue ?? "")], connection)
        default: break
        }
    }
}
