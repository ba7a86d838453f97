public import Wire

/// Which objects to list: newest first, behind a row.
public struct PageQuery: Sendable {
    public var createdAtLeast: Timestamp?
    public var createdAtMost: Timestamp?
    public var includeArchived = false
    public var limit = 20
    public var after: (createdAt: Timestamp, id: String)?
    public init() {}
}

/// A stored object with what pages are cut by.
public struct ObjectRow: Sendable {
    public var id: String
    public var createdAt: Timestamp
    public var body: JSON
}

extension Store {
    /// Stores a new agent, whose body is the object that is sent.
    public func createAgent(_ id: AgentID, body: JSON, workspace: String, at now: Timestamp) async throws {
        let trail = trail(at: now)
        try await database.write { connection in
            try trail.note(.agentCreated, id.rawValue, workspace: workspace, connection)
            try connection.execute(
                "INSERT INTO agents (id, workspace_id, version, created_at, updated_at, body) VALUES (?, ?, 1, ?, ?, ?)",
                SQLValue(id), SQLValue(workspace), SQLValue(now), SQLValue(now), SQLValue(body))
            try connection.execute(
                "INSERT INTO agent_versions (agent_id, version, created_at, body) VALUES (?, 1, ?, ?)", SQLValue(id),
                SQLValue(now), SQLValue(body))
        }
    }

    /// The agent object: the latest version, or the one asked for. `archived_at` is always the present one.
    public func agent(_ id: String, workspace: String, version: Int? = nil) async throws -> JSON? {
        try await database.read { connection in
            guard
                let row = try connection.first(
                    "SELECT body, archived_at FROM agents WHERE id = ? AND workspace_id = ?", SQLValue(id),
                    SQLValue(workspace))
            else { return nil }
            guard let version else { return try JSON(stored: row.bytes(0)) }
            guard
                let old = try connection.first(
                    "SELECT body FROM agent_versions WHERE agent_id = ? AND version = ?", SQLValue(id),
                    SQLValue(version))
            else { return nil }
            var body = try JSON(stored: old.bytes(0))
            body["archived_at"] = JSON(row.optionalTimestamp(1))
            return body
        }
    }

    /// Changes an agent by `change`, which gets the present object and returns the new one, or nil for no change.
    /// - Throws: `WireError` 404, and what `change` throws.
    public func updateAgent(
        _ id: AgentID, workspace: String, _ change: @escaping @Sendable (JSON) throws -> JSON?
    ) async throws -> JSON {
        let now = clock.now()
        let trail = trail(at: now)
        return try await database.write { connection in
            guard
                let row = try connection.first(
                    "SELECT body, version FROM agents WHERE id = ? AND workspace_id = ?", SQLValue(id),
                    SQLValue(workspace))
            else { throw WireError.notFound("no agent with id \(id)") }
            let current = try JSON(stored: row.bytes(0))
            guard var changed = try change(current) else { return current }
            let version = row.integer(1) + 1
            changed["version"] = JSON(version)
            try trail.note(.agentUpdated, id.rawValue, workspace: workspace, ["version": JSON(version)], connection)
            changed["updated_at"] = JSON(now)
            try connection.execute(
                "UPDATE agents SET version = ?, updated_at = ?, body = ? WHERE id = ?", SQLValue(version),
                SQLValue(now), SQLValue(changed), SQLValue(id))
            try connection.execute(
                "INSERT INTO agent_versions (agent_id, version, created_at, body) VALUES (?, ?, ?, ?)", SQLValue(id),
                SQLValue(version), SQLValue(now), SQLValue(changed))
            return changed
        }
    }

    /// Ends an agent for new sessions. Idempotent. - Throws: `WireError` 404.
    public func archiveAgent(_ id: AgentID, workspace: String) async throws -> JSON {
        let now = clock.now()
        let trail = trail(at: now)
        return try await database.write { connection in
            guard
                let row = try connection.first(
                    "SELECT body FROM agents WHERE id = ? AND workspace_id = ?", SQLValue(id), SQLValue(workspace))
            else { throw WireError.notFound("no agent with id \(id)") }
            var body = try JSON(stored: row.bytes(0))
            guard body["archived_at"]?.isNull ?? true else { return body }
            try trail.note(.agentArchived, id.rawValue, workspace: workspace, connection)
            body["archived_at"] = JSON(now)
            body["updated_at"] = JSON(now)
            try connection.execute(
                "UPDATE agents SET archived_at = ?, updated_at = ?, body = ? WHERE id = ?", SQLValue(now),
                SQLValue(now), SQLValue(body), SQLValue(id))
            return body
        }
    }

    public func agents(workspace: String, _ query: PageQuery) async throws -> [ObjectRow] {
        try await objects(in: "agents", workspace: workspace, query)
    }

    /// Versions of an agent, highest first, below `before`.
    public func agentVersions(
        _ id: AgentID, workspace: String, before: Int?, limit: Int
    ) async throws -> [(version: Int, body: JSON)] {
        try await database.read { connection in
            guard
                let row = try connection.first(
                    "SELECT archived_at FROM agents WHERE id = ? AND workspace_id = ?", SQLValue(id),
                    SQLValue(workspace))
            else { throw WireError.notFound("no agent with id \(id)") }
            return try connection.query(
                """
                SELECT version, body FROM agent_versions WHERE agent_id = ? AND version < ? ORDER BY version DESC LIMIT ?
                """, SQLValue(id), SQLValue(before ?? Int(Int32.max)), SQLValue(limit)
            ).map { version in
                var body = try JSON(stored: version.bytes(1))
                body["archived_at"] = JSON(row.optionalTimestamp(0))
                return (version.integer(0), body)
            }
        }
    }

    /// A page of a table of whole objects.
    func objects(in table: String, workspace: String, _ query: PageQuery) async throws -> [ObjectRow] {
        let after = query.after.map { [SQLValue($0.createdAt), SQLValue($0.id)] }
        let (least, most, includeArchived, limit) = (
            query.createdAtLeast, query.createdAtMost, query.includeArchived, query.limit
        )
        return try await database.read { connection in
            var sql = "SELECT id, created_at, body FROM \(table) WHERE workspace_id = ?"
            var arguments: [SQLValue] = [SQLValue(workspace)]
            if !includeArchived { sql += " AND archived_at IS NULL" }
            if let least {
                sql += " AND created_at >= ?"
                arguments.append(SQLValue(least))
            }
            if let most {
                sql += " AND created_at <= ?"
                arguments.append(SQLValue(most))
            }
            if let after {
                sql += " AND (created_at, id) < (?, ?)"
                arguments += after
            }
            arguments.append(SQLValue(limit))
            return try connection.query(sql + " ORDER BY created_at DESC, id DESC LIMIT ?", arguments).map { row in
                ObjectRow(id: row.text(0), createdAt: row.timestamp(1), body: try JSON(stored: row.bytes(2)))
            }
        }
    }
}
