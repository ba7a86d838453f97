internal import Wire

/// Statements on `work` that other repositories use inside their own transactions.
enum WorkQueue {
    /// Lease length before a worker asks for another one, in seconds (the hosted service's default).
    static let defaultLeaseSeconds = 300

    static func enqueue(
        _ id: WorkID, session: SessionID, workspace: String, environment: String, kind: EnvironmentType, now: Timestamp,
        _ connection: any SQLConnection
    ) throws {
        try connection.execute(
            """
            INSERT INTO work (id, workspace_id, environment_id, environment_kind, session_id, state, metadata, created_at,
                queued_at, claim, lease_seconds, lost_leases) VALUES (?, ?, ?, ?, ?, 'queued', '{}', ?, ?, 0, ?, 0)
            """,
            SQLValue(id), SQLValue(workspace), SQLValue(environment), SQLValue(kind.rawValue), SQLValue(session),
            SQLValue(now), SQLValue(now), SQLValue(defaultLeaseSeconds))
    }

    /// Enqueues an item for the session unless one is live: at most one per session.
    static func ensure(
        _ id: WorkID, for session: SessionRecord, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        let live = try connection.first(
            "SELECT 1 FROM work WHERE session_id = ? AND state <> 'stopped' LIMIT 1", SQLValue(session.id))
        guard live == nil else { return }
        try enqueue(
            id, session: session.id, workspace: session.workspaceID, environment: session.environmentID,
            kind: session.environmentKind, now: now, connection)
    }

    /// Takes a session's items out of the queue: it was archived, deleted or terminated.
    static func stopAll(of session: SessionID, now: Timestamp, _ connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE work SET state = 'stopped', stopped_at = ?, lease_expires_at = NULL
            WHERE session_id = ? AND state <> 'stopped'
            """, SQLValue(now), SQLValue(session))
    }
}
