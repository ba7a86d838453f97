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
    /// Replaces what is known about a session's sandbox. New refusals of the egress gate are lines of the audit chain.
    public func reportSandbox(of session: SessionRecord, _ body: JSON) async throws {
        let now = clock.now()
        let trail = trail(at: now)
        _ = try await database.write { connection in
            let row = try connection.first("SELECT report FROM sandboxes WHERE session_id = ?", SQLValue(session.id))
            let known = try row.map { try JSON(stored: $0.bytes(0)) }?["egress_denials"]?.arrayValue ?? []
            let fresh = Self.notable(body["egress_denials"]?.arrayValue ?? [], known: known)
            for denial in fresh.prefix(Self.denialLines) {
                try trail.note(
                    .egressDenied, session.id.rawValue, workspace: session.workspaceID,
                    [
                        "reason": AuditChain.bounded(denial["reason"]?.stringValue ?? ""),
                        "count": denial["count"] ?? .null,
                    ], connection)
            }
            if fresh.count > Self.denialLines {
                try trail.note(
                    .egressDenied, session.id.rawValue, workspace: session.workspaceID,
                    ["reason": "others at the same time", "count": JSON(fresh.count - Self.denialLines)], connection)
            }
            try connection.execute(
                """
                INSERT INTO sandboxes (session_id, reported_at, report) VALUES (?, ?, ?)
                ON CONFLICT (session_id) DO UPDATE SET reported_at = excluded.reported_at, report = excluded.report
                """, SQLValue(session.id), SQLValue(now), SQLValue(body))
        }
    }

    /// Lines of the audit chain that one report is worth: a program inside may be refused as often as it likes.
    private static let denialLines = 4

    /// Refusals that are new, or whose count has doubled since they were last looked at.
    private static func notable(_ denials: [JSON], known: [JSON]) -> [JSON] {
        func magnitude(_ denial: JSON?) -> Int {
            let count = max(0, denial?["count"]?.intValue ?? 0)
            return Int.bitWidth - count.leadingZeroBitCount
        }
        return denials.filter { denial in
            let former = known.first { $0["reason"] == denial["reason"] }
            return magnitude(denial) > magnitude(former)
                || (former?["count"]?.intValue ?? 0) > denial["count"]?.intValue ?? 0
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
