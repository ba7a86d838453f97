public import Wire

/// The bytes of one event as they are sent, with its place in the log.
public struct EventBytes: Sendable {
    public var seq: Int
    public var type: String
    public var body: [UInt8]
}

/// What to list from a session's history.
public struct EventQuery: Sendable {
    public var types: [String] = []
    public var ascending = true
    public var createdAtLeast: Timestamp?
    public var createdAfter: Timestamp?
    public var createdAtMost: Timestamp?
    public var createdBefore: Timestamp?
    public var limit = 1000
    /// The position after which to go on: queued inputs come last, so they sort behind every number.
    public var after: Position?

    public struct Position: Sendable, Equatable {
        public var isQueued: Bool
        public var seq: Int
        public init(isQueued: Bool, seq: Int) {
            self.isQueued = isQueued
            self.seq = seq
        }
    }
    public init() {}
}

/// A page of history.
public struct EventPage: Sendable {
    public var bodies: [[UInt8]]
    /// Where the next page starts; nil at the end.
    public var next: EventQuery.Position?
}

extension Store {
    /// Rows of the log with a number above `seq`, in order, superseded ones included: what a stream sends.
    public func events(of session: SessionID, after seq: Int, limit: Int = 256) async throws -> [EventBytes] {
        try await database.read { connection in
            try connection.query(
                "SELECT seq, type, body FROM events WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT ?",
                SQLValue(session), SQLValue(seq), SQLValue(limit)
            ).map { EventBytes(seq: $0.integer(0), type: $0.text(1), body: $0.bytes(2)) }
        }
    }

    /// The whole log from `seq` on, parsed, for the loop.
    package func log(of session: SessionID, after seq: Int) async throws -> [LoggedEvent] {
        try await database.read { connection in
            try connection.query(
                "SELECT seq, body, internal FROM events WHERE session_id = ? AND seq > ? ORDER BY seq",
                SQLValue(session), SQLValue(seq)
            ).map { row in
                guard let event = Event(json: try JSON(stored: row.bytes(1))) else {
                    throw StoreError(.corrupt, "unreadable event in session \(session)")
                }
                return LoggedEvent(
                    seq: row.integer(0), event: event,
                    note: try row.optionalText(2).map { try JSON(stored: Array($0.utf8)) })
            }
        }
    }

    /// A page of history: each event once, with its present value; queued inputs after all others.
    public func history(of session: SessionID, _ query: EventQuery) async throws -> EventPage {
        try await database.read { connection in
            var conditions = ["session_id = ?", "superseded = 0"]
            var arguments: [SQLValue] = [SQLValue(session)]
            if !query.types.isEmpty {
                conditions.append("type IN (\(query.types.map { _ in "?" }.joined(separator: ",")))")
                arguments.append(contentsOf: query.types.map { SQLValue($0) })
            }
            for (bound, comparison) in [
                (query.createdAtLeast, ">="), (query.createdAfter, ">"), (query.createdAtMost, "<="),
                (query.createdBefore, "<"),
            ] {
                guard let bound else { continue }
                conditions.append("processed_at \(comparison) ?")
                arguments.append(SQLValue(bound))
            }
            let queued = "(processed_at IS NULL)"
            let comparison = query.ascending ? ">" : "<"
            if let after = query.after {
                conditions.append(
                    "(CASE WHEN processed_at IS NULL THEN 1 ELSE 0 END \(comparison) ? OR "
                        + "(CASE WHEN processed_at IS NULL THEN 1 ELSE 0 END = ? AND seq \(comparison) ?))")
                let group = SQLValue(after.isQueued ? 1 : 0)
                arguments.append(contentsOf: [group, group, SQLValue(after.seq)])
            }
            let order = query.ascending ? "ASC" : "DESC"
            arguments.append(SQLValue(query.limit + 1))
            let rows = try connection.query(
                """
                SELECT seq, processed_at, body FROM events WHERE \(conditions.joined(separator: " AND "))
                ORDER BY \(queued) \(order), seq \(order) LIMIT ?
                """, arguments)
            let page = rows.prefix(query.limit)
            let last = rows.count > query.limit ? page.last : nil
            return EventPage(
                bodies: page.map { $0.bytes(2) },
                next: last.map { EventQuery.Position(isQueued: $0.optionalInteger(1) == nil, seq: $0.integer(0)) })
        }
    }

    /// The number of the newest event; nil when there is no such session.
    public func lastSeq(of session: SessionID) async throws -> Int? {
        try await database.read { try EventLog.lastSeq(of: session, $0) }
    }
}
