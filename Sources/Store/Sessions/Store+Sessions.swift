public import Wire

/// Which sessions to list.
public struct SessionQuery: Sendable {
    public var agentID: String?
    public var agentVersion: Int?
    public var statuses: [SessionStatus] = []
    public var includeArchived = false
    public var createdAtLeast: Timestamp?
    public var createdAfter: Timestamp?
    public var createdAtMost: Timestamp?
    public var createdBefore: Timestamp?
    public var ascending = false
    public var limit = 20
    /// Go on behind (or, going backward, before) this row.
    public var cursor: Cursor?

    public struct Cursor: Sendable, Equatable {
        public var createdAt: Timestamp
        public var id: String
        public var isBackward: Bool
        public init(createdAt: Timestamp, id: String, isBackward: Bool) {
            self.createdAt = createdAt
            self.id = id
            self.isBackward = isBackward
        }
    }
    public init() {}
}

public struct SessionPage: Sendable {
    public var sessions: [SessionRecord]
    public var hasNext: Bool
    public var hasPrevious: Bool
}

/// What makes a new session.
public struct NewSession: Sendable {
    public var workspaceID: String
    public var environmentID: String
    public var environmentKind: EnvironmentType
    public var agent: JSON
    public var agentID: String
    public var agentVersion: Int
    public var title: String?
    public var metadata: JSON
    public var vaultIDs: [VaultID]
    /// Client events accepted with the creation; their ids and times are set here.
    public var initialEvents: [ClientEvent]

    public init(
        workspaceID: String, environmentID: String, environmentKind: EnvironmentType, agent: JSON, agentID: String,
        agentVersion: Int, title: String?, metadata: JSON, vaultIDs: [VaultID] = [],
        initialEvents: [ClientEvent]
    ) {
        self.workspaceID = workspaceID
        self.environmentID = environmentID
        self.environmentKind = environmentKind
        self.agent = agent
        self.agentID = agentID
        self.agentVersion = agentVersion
        self.title = title
        self.metadata = metadata
        self.vaultIDs = vaultIDs
        self.initialEvents = initialEvents
    }
}

extension Store {
    /// Stores a session with its first events and puts it into its environment's queue, in one transaction.
    public func createSession(_ new: NewSession) async throws -> SessionRecord {
        let now = clock.now()
        let id = SessionID.make(ids)
        let thread = ThreadID.make(ids)
        let entries = new.initialEvents.map { event in
            LogEntry(Event(id: EventID.make(ids), type: event.type, processedAt: nil, fields: event.fields))
        }
        let workID = WorkID.make(ids)
        let trail = trail(at: now)
        let record = try await database.write { connection in
            guard
                try connection.first(
                    "SELECT 1 FROM environments WHERE id = ? AND archived_at IS NULL", SQLValue(new.environmentID))
                    != nil
            else { throw WireError.invalid("environment_id: the environment is archived or was deleted") }
            try Self.requireVaults(new.vaultIDs, workspace: new.workspaceID, connection)
            let status: SessionStatus = entries.isEmpty ? .idle : .running
            try connection.execute(
                """
                INSERT INTO sessions (id, workspace_id, environment_id, environment_kind, agent_id, agent_version,
                    thread_id, status, title, metadata, agent, usage, created_at, updated_at, active_microseconds,
                    last_seq, runnable_at, lease_fence, vault_ids)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, 0, ?)
                """,
                SQLValue(id), SQLValue(new.workspaceID), SQLValue(new.environmentID),
                SQLValue(new.environmentKind.rawValue), SQLValue(new.agentID), SQLValue(new.agentVersion),
                SQLValue(thread), SQLValue(status.rawValue), SQLValue(new.title), SQLValue(new.metadata),
                SQLValue(new.agent), SQLValue(TokenUsage().json(activeSeconds: 0)), SQLValue(now), SQLValue(now),
                entries.isEmpty ? .null : SQLValue(now),
                SQLValue(JSON.array(new.vaultIDs.map { .string($0.rawValue) })))
            try trail.note(
                .sessionCreated, id.rawValue, workspace: new.workspaceID,
                [
                    "environment_id": .string(new.environmentID), "agent_id": .string(new.agentID),
                    "agent_version": JSON(new.agentVersion),
                    "vault_ids": .array(new.vaultIDs.prefix(32).map { .string($0.rawValue) }),
                ], connection)
            if !entries.isEmpty {
                _ = try EventLog.append(entries, to: id, of: new.workspaceID, after: 0, trail, connection)
            }
            try WorkQueue.enqueue(
                workID, session: id, workspace: new.workspaceID, environment: new.environmentID,
                kind: new.environmentKind, now: now, connection)
            guard
                let row = try connection.first(
                    "SELECT \(SessionRecord.columns) FROM sessions WHERE id = ?", SQLValue(id))
            else { throw StoreError(.failed, "a session vanished while it was made") }
            return try SessionRecord(row: row)
        }
        raiseWork(environment: new.environmentID, kind: new.environmentKind)
        if !entries.isEmpty { signals.raise(.runnable) }
        return record
    }

    /// - Returns: nil when there is none in this workspace.
    public func session(_ id: SessionID, workspace: String) async throws -> SessionRecord? {
        try await database.read { connection in
            try connection.first(
                "SELECT \(SessionRecord.columns) FROM sessions WHERE id = ? AND workspace_id = ?", SQLValue(id),
                SQLValue(workspace)
            ).map { try SessionRecord(row: $0) }
        }
    }

    package func session(_ id: SessionID) async throws -> SessionRecord? {
        try await database.read { connection in
            try connection.first("SELECT \(SessionRecord.columns) FROM sessions WHERE id = ?", SQLValue(id))
                .map { try SessionRecord(row: $0) }
        }
    }

    public func sessions(workspace: String, _ query: SessionQuery) async throws -> SessionPage {
        try await database.read { connection in
            var conditions = ["workspace_id = ?"]
            var arguments: [SQLValue] = [SQLValue(workspace)]
            func add(_ condition: String, _ value: SQLValue?) {
                guard let value else { return }
                conditions.append(condition)
                arguments.append(value)
            }
            add("agent_id = ?", query.agentID.map { SQLValue($0) })
            add("agent_version = ?", query.agentVersion.map { SQLValue($0) })
            add("created_at >= ?", query.createdAtLeast.map { SQLValue($0) })
            add("created_at > ?", query.createdAfter.map { SQLValue($0) })
            add("created_at <= ?", query.createdAtMost.map { SQLValue($0) })
            add("created_at < ?", query.createdBefore.map { SQLValue($0) })
            if !query.includeArchived { conditions.append("archived_at IS NULL") }
            if !query.statuses.isEmpty {
                conditions.append("status IN (\(query.statuses.map { _ in "?" }.joined(separator: ",")))")
                arguments.append(contentsOf: query.statuses.map { SQLValue($0.rawValue) })
            }
            let isBackward = query.cursor?.isBackward ?? false
            let ascending = query.ascending != isBackward
            if let cursor = query.cursor {
                conditions.append("(created_at, id) \(ascending ? ">" : "<") (?, ?)")
                arguments.append(contentsOf: [SQLValue(cursor.createdAt), SQLValue(cursor.id)])
            }
            let order = ascending ? "ASC" : "DESC"
            arguments.append(SQLValue(query.limit + 1))
            let rows = try connection.query(
                """
                SELECT \(SessionRecord.columns) FROM sessions WHERE \(conditions.joined(separator: " AND "))
                ORDER BY created_at \(order), id \(order) LIMIT ?
                """, arguments)
            var sessions = try rows.prefix(query.limit).map { try SessionRecord(row: $0) }
            if isBackward { sessions.reverse() }
            let more = rows.count > query.limit
            return SessionPage(
                sessions: sessions, hasNext: isBackward ? true : more,
                hasPrevious: isBackward ? more : query.cursor != nil)
        }
    }

    /// Changes title and metadata; appends `session.updated` with what really changed. No change, no event.
    /// - Throws: `WireError` 404, or 409 when the session is terminated.
    public func updateSession(
        _ id: SessionID, workspace: String, title: Field<String>,
        metadata: @escaping @Sendable (JSON) throws -> JSON
    ) async throws -> SessionRecord {
        let now = clock.now()
        let eventID = EventID.make(ids)
        let trail = trail(at: now)
        let record = try await database.write { connection in
            var record = try Self.required(id, workspace: workspace, connection)
            guard record.status != .terminated else { throw Self.terminated(id) }
            var fields = JSON.Object()
            switch title {
            case .absent: break
            case .null where record.title != nil:
                record.title = nil
                fields["title"] = .null
            case .value(let text) where record.title != text:
                record.title = text
                fields["title"] = .string(text)
            default: break
            }
            let changed = try metadata(record.metadata)
            if changed != record.metadata {
                record.metadata = changed
                fields["metadata"] = changed
            }
            guard !fields.isEmpty else { return record }
            try trail.note(.sessionUpdated, id.rawValue, workspace: workspace, connection)
            record.updatedAt = now
            try connection.execute(
                "UPDATE sessions SET title = ?, metadata = ?, updated_at = ? WHERE id = ?", SQLValue(record.title),
                SQLValue(record.metadata), SQLValue(now), SQLValue(id))
            record.lastSeq = try EventLog.append(
                [LogEntry(Event(id: eventID, type: .sessionUpdated, processedAt: now, fields: fields))], to: id,
                of: workspace, after: record.lastSeq, trail, connection)
            return record
        }
        signals.raise(.events(id))
        return record
    }

    /// Ends an idle session for good: its history stays readable, its work leaves the queue. Idempotent.
    /// - Throws: `WireError` 404; 400 while it runs.
    public func archiveSession(_ id: SessionID, workspace: String) async throws -> SessionRecord {
        let now = clock.now()
        let eventID = EventID.make(ids)
        let trail = trail(at: now)
        let record = try await database.write { connection in
            var record = try Self.required(id, workspace: workspace, connection)
            guard record.archivedAt == nil else { return record }
            try Self.refuseRunning(record, "archived")
            try trail.note(.sessionArchived, id.rawValue, workspace: workspace, connection)
            record.lastSeq = try EventLog.append(
                record.status == .terminated
                    ? [] : [LogEntry(Event(id: eventID, type: .statusTerminated, processedAt: now))], to: id,
                of: workspace, after: record.lastSeq, trail, connection)
            record.status = .terminated
            record.archivedAt = now
            record.updatedAt = now
            record.endedAt = record.endedAt ?? now
            try connection.execute(
                """
                UPDATE sessions SET status = 'terminated', archived_at = ?, updated_at = ?, ended_at = ?,
                    runnable_at = NULL, lease_fence = lease_fence + 1 WHERE id = ?
                """, SQLValue(now), SQLValue(now), SQLValue(record.endedAt), SQLValue(id))
            try WorkQueue.stopAll(of: id, now: now, connection)
            return record
        }
        signals.raise(.events(id))
        return record
    }

    /// Removes a session with its log. Open streams end with `session.deleted`, which the caller sends.
    /// - Throws: `WireError` 404; 400 while it runs.
    public func deleteSession(_ id: SessionID, workspace: String) async throws {
        let now = clock.now()
        let trail = trail(at: now)
        try await database.write { connection in
            let record = try Self.required(id, workspace: workspace, connection)
            try Self.refuseRunning(record, "deleted")
            try trail.note(.sessionDeleted, id.rawValue, workspace: workspace, connection)
            try WorkQueue.stopAll(of: id, now: now, connection)
            try connection.execute("DELETE FROM events WHERE session_id = ?", SQLValue(id))
            try connection.execute("DELETE FROM calls WHERE session_id = ?", SQLValue(id))
            try connection.execute("DELETE FROM sandboxes WHERE session_id = ?", SQLValue(id))
            try connection.execute("DELETE FROM placeholders WHERE session_id = ?", SQLValue(id))
            try connection.execute("DELETE FROM port_previews WHERE session_id = ?", SQLValue(id))
            try Self.remember(end: record, at: now, connection)
            try connection.execute("DELETE FROM sessions WHERE id = ?", SQLValue(id))
        }
        signals.raise(.events(id))
    }

    static func required(_ id: SessionID, workspace: String, _ connection: any SQLConnection) throws -> SessionRecord {
        guard
            let row = try connection.first(
                "SELECT \(SessionRecord.columns) FROM sessions WHERE id = ? AND workspace_id = ?", SQLValue(id),
                SQLValue(workspace))
        else { throw WireError.notFound("no session with id \(id)") }
        return try SessionRecord(row: row)
    }

    static func terminated(_ id: SessionID) -> WireError {
        .conflict("session \(id) is terminated: it accepts no changes or events")
    }

    private static func refuseRunning(_ record: SessionRecord, _ verb: String) throws {
        guard record.status != .running, record.status != .rescheduling else {
            throw WireError.invalid(
                "session \(record.id) is \(record.status.rawValue) and cannot be \(verb): send user.interrupt and wait until it is idle"
            )
        }
    }

    func raiseWork(environment: String, kind: EnvironmentType) {
        if let id = EnvironmentID(environment) { signals.raise(.work(id)) }
        if kind == .cloud { signals.raise(.cloudWork) }
    }
}
