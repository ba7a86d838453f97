public import Wire

/// What a worker said about the sandbox of a session.
public struct SandboxReport: Sendable, Equatable {
    public var reportedAt: Timestamp
    /// `boundary`, `stages`, `egress_denials` and `state`, as they were checked.
    public var body: JSON
}

/// What a session's sandbox does.
public enum SandboxState: String, Sendable {
    /// A worker serves the session and its sandbox is there.
    case running
    /// It was paused, and goes on with the next call.
    case paused
    /// There is none; the next call gets one with the same files.
    case none
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

    /// What the session's sandbox does now. A worker's word that it runs counts while the worker holds the session's lease.
    public func sandboxState(of session: SessionRecord, as report: SandboxReport?) async throws -> SandboxState {
        guard session.status != .terminated, let report else { return .none }
        let said = report.body["state"]?.stringValue.flatMap { SandboxState(rawValue: $0) } ?? .running
        guard said == .running else { return said }
        let now = clock.now()
        let holder = try await database.read { connection in
            try connection.first(
                """
                SELECT acknowledged_at FROM work WHERE session_id = ? AND state IN ('starting', 'active', 'stopping')
                    AND lease_expires_at > ?
                """, SQLValue(session.id), SQLValue(now))
        }
        guard let since = holder?.optionalTimestamp(0), report.reportedAt >= since else { return .none }
        return .running
    }

    public func sandboxReport(of session: SessionID) async throws -> SandboxReport? {
        let row = try await database.read {
            try $0.first("SELECT reported_at, report FROM sandboxes WHERE session_id = ?", SQLValue(session))
        }
        return try row.map { SandboxReport(reportedAt: $0.timestamp(0), body: try JSON(stored: $0.bytes(1))) }
    }
}
