internal import Wire

/// The calls of a session that wait for approval.
enum WaitingCalls {
    /// - Parameter session: a checked path segment.
    static func find(_ session: String, _ client: AdminClient) async throws(CommandError) -> [RunMachine.PendingCall] {
        var machine = RunMachine()
        var waiting: [RunMachine.PendingCall] = []
        for event in try await client.list("/v1/sessions/\(session)/events", pageSize: 1000) {
            for case .ask(let call) in machine.take(event) { waiting.append(call) }
            let settled = ["tool_use_id", "mcp_tool_use_id"].compactMap { event[$0]?.stringValue }
            waiting.removeAll { settled.contains($0.id) }
        }
        return waiting
    }
}
