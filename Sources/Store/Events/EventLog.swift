public import Wire

/// Appending to and reading from `events` inside a transaction.
///
/// The log is append-only: when a queued input is taken, the same id is appended again with its time and the first row
/// is marked superseded, so streams see both and lists see the present one.
enum EventLog {
    /// Appends events with the next numbers of the session's sequence and returns the last number.
    /// - Parameter trail: who appends, for the lines about tool calls in the audit chain.
    static func append(
        _ events: [LogEntry], to session: SessionID, of workspace: String, after lastSeq: Int, _ trail: AuditTrail,
        _ connection: any SQLConnection
    ) throws -> Int {
        var seq = lastSeq
        for entry in events {
            seq += 1
            if entry.replacesQueued {
                try connection.execute(
                    "UPDATE events SET superseded = 1 WHERE session_id = ? AND id = ?", SQLValue(session),
                    SQLValue(entry.event.id))
            }
            try connection.execute(
                """
                INSERT INTO events (session_id, seq, id, type, processed_at, superseded, body, internal)
                VALUES (?, ?, ?, ?, ?, 0, ?, ?)
                """,
                SQLValue(session), SQLValue(seq), SQLValue(entry.event.id), SQLValue(entry.event.type.rawValue),
                SQLValue(entry.event.processedAt), SQLValue(entry.event.json), entry.note.map { SQLValue($0) } ?? .null)
            try project(entry.event, of: session, seq: seq, connection)
            try trail.note(entry.event, of: session, workspace: workspace, connection)
        }
        try connection.execute(
            "UPDATE sessions SET last_seq = ? WHERE id = ?", SQLValue(seq), SQLValue(session))
        return seq
    }

    /// Keeps `calls`, the table of open tool calls, in step with the log.
    private static func project(
        _ event: Event, of session: SessionID, seq: Int, _ connection: any SQLConnection
    ) throws {
        switch event.type {
        case .agentToolUse, .agentCustomToolUse, .agentMCPToolUse:
            let kind: CallKind =
                event.type == .agentToolUse ? .sandbox : event.type == .agentCustomToolUse ? .custom : .mcp
            try connection.execute(
                """
                INSERT INTO calls (session_id, id, seq, kind, permission, settled) VALUES (?, ?, ?, ?, ?, 0)
                """, SQLValue(session), SQLValue(event.id), SQLValue(seq), SQLValue(kind.rawValue),
                SQLValue(event["evaluated_permission"]?.stringValue ?? "allow"))
        case .agentToolResult, .userToolResult, .userCustomToolResult, .agentMCPToolResult:
            let use = event["tool_use_id"] ?? event["custom_tool_use_id"] ?? event["mcp_tool_use_id"]
            try connection.execute(
                "UPDATE calls SET settled = 1 WHERE session_id = ? AND id = ?", SQLValue(session),
                SQLValue(use?.stringValue))
        case .userToolConfirmation:
            try connection.execute(
                "UPDATE calls SET verdict = ? WHERE session_id = ? AND id = ?",
                SQLValue(event["result"]?.stringValue), SQLValue(session), SQLValue(event["tool_use_id"]?.stringValue))
        default: break
        }
    }

    static func lastSeq(of session: SessionID, _ connection: any SQLConnection) throws -> Int? {
        try connection.first("SELECT last_seq FROM sessions WHERE id = ?", SQLValue(session))?.integer(0)
    }
}

/// What is appended to a session's log.
public struct LogEntry: Sendable {
    public var event: Event
    /// What the loop must remember beside the public event, such as the model's own content blocks; never sent.
    public var note: JSON?
    /// True when this is the second appearance of a queued input.
    public var replacesQueued: Bool

    public init(_ event: Event, note: JSON? = nil, replacesQueued: Bool = false) {
        self.event = event
        self.note = note
        self.replacesQueued = replacesQueued
    }
}

/// One row of the log as read back.
public struct LoggedEvent: Sendable {
    public var seq: Int
    public var event: Event
    public var note: JSON?
}

/// Who answers a tool call.
public enum CallKind: String, Sendable {
    /// A worker, in the session's sandbox.
    case sandbox
    /// The client.
    case custom
    /// The server, at an MCP server.
    case mcp
}
