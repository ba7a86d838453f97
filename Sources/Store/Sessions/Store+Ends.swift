public import Wire

/// What became of a session.
public struct SessionEnd: Sendable, Equatable {
    public enum State: String, Sendable { case living, archived, deleted }
    public var id: SessionID
    public var state: State
    /// Nil for one that lives.
    public var endedAt: Timestamp?
}

extension Store {
    /// How long it is remembered that a session was deleted: 90 days, three times as long as files without a session are kept.
    private static let memory = Duration.seconds(90 * 86_400)

    /// What became of these sessions; of those that are not in the scope, or that were never here, nothing.
    public func sessionEnds(of ids: [SessionID], in scope: QueueScope) async throws -> [SessionEnd] {
        guard !ids.isEmpty else { return [] }
        let (condition, argument): (String, SQLValue) =
            switch scope {
            case .environment(let id): ("environment_id = ?", SQLValue(id))
            case .allCloud: ("environment_kind = ?", SQLValue(EnvironmentType.cloud.rawValue))
            }
        let marks = ids.map { _ in "?" }.joined(separator: ",")
        let arguments = [argument] + ids.map { SQLValue($0) }
        return try await database.read { connection in
            let here = try connection.query(
                "SELECT id, archived_at FROM sessions WHERE \(condition) AND id IN (\(marks))", arguments
            ).map { row in (row.text(0), SessionEnd.State.archived, row.optionalTimestamp(1)) }
            let gone = try connection.query(
                "SELECT session_id, ended_at FROM ended_sessions WHERE \(condition) AND session_id IN (\(marks))",
                arguments
            ).map { row in (row.text(0), SessionEnd.State.deleted, row.optionalTimestamp(1)) }
            return (here + gone).compactMap { id, state, time in
                SessionID(id).map { SessionEnd(id: $0, state: time == nil ? .living : state, endedAt: time) }
            }
        }
    }

    /// Remembers that a session was deleted, so that its files can be removed where they are.
    static func remember(end record: SessionRecord, at now: Timestamp, _ connection: any SQLConnection) throws {
        try connection.execute(
            "DELETE FROM ended_sessions WHERE ended_at < ?", SQLValue(now.advanced(by: .zero - memory)))
        try connection.execute(
            """
            INSERT INTO ended_sessions (session_id, environment_id, environment_kind, ended_at) VALUES (?, ?, ?, ?)
            ON CONFLICT DO NOTHING
            """, SQLValue(record.id), SQLValue(record.environmentID), SQLValue(record.environmentKind.rawValue),
            SQLValue(now))
    }
}
