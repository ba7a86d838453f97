public import Wire

/// What a worker said about the sandbox of a session.
public struct SandboxReport: Sendable, Equatable {
    public var reportedAt: Timestamp
    /// `boundary` and `stages`, as they were checked.
    public var body: JSON
}

extension Store {
    /// Replaces what is known about a session's sandbox.
    public func reportSandbox(of session: SessionID, _ body: JSON) async throws {
        let now = clock.now()
        _ = try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO sandboxes (session_id, reported_at, report) VALUES (?, ?, ?)
                ON CONFLICT (session_id) DO UPDATE SET reported_at = excluded.reported_at, report = excluded.report
                """, SQLValue(session), SQLValue(now), SQLValue(body))
        }
    }

    public func sandboxReport(of session: SessionID) async throws -> SandboxReport? {
        let row = try await database.read {
            try $0.first("SELECT reported_at, report FROM sandboxes WHERE session_id = ?", SQLValue(session))
        }
        return try row.map { SandboxReport(reportedAt: $0.timestamp(0), body: try JSON(stored: $0.bytes(1))) }
    }
}
