public import Wire

extension Store {
    /// Stores a new environment, whose body is the object that is sent.
    public func createEnvironment(
        _ id: EnvironmentID, kind: EnvironmentType, body: JSON, workspace: String, at now: Timestamp
    ) async throws {
        let trail = trail(at: now)
        _ = try await database.write { connection in
            try trail.note(
                .environmentCreated, id.rawValue, workspace: workspace, ["kind": .string(kind.rawValue)], connection)
            try connection.execute(
                """
                INSERT INTO environments (id, workspace_id, kind, created_at, updated_at, body) VALUES (?, ?, ?, ?, ?, ?)
                """, SQLValue(id), SQLValue(workspace), SQLValue(kind.rawValue), SQLValue(now), SQLValue(now),
                SQLValue(body))
        }
    }

    /// The environment object; nil when there is none in this workspace.
    public func environment(_ id: String, workspace: String) async throws -> JSON? {
        try await database.read { connection in
            try connection.first(
                "SELECT body FROM environments WHERE id = ? AND workspace_id = ?", SQLValue(id), SQLValue(workspace)
            ).map { try JSON(stored: $0.bytes(0)) }
        }
    }

    /// Changes an environment by `change`, which gets the present object and returns the new one.
    /// - Throws: `WireError` 404, and what `change` throws.
    public func updateEnvironment(
        _ id: EnvironmentID, workspace: String, _ change: @escaping @Sendable (JSON) throws -> JSON
    ) async throws -> JSON {
        let now = clock.now()
        let trail = trail(at: now)
        let updated = try await database.write { connection in
            let current = try Self.requiredEnvironment(id, workspace: workspace, connection)
            var changed = try change(current)
            guard changed != current else { return current }
            try trail.note(.environmentUpdated, id.rawValue, workspace: workspace, connection)
            changed["updated_at"] = JSON(now)
            try connection.execute(
                "UPDATE environments SET updated_at = ?, body = ? WHERE id = ?", SQLValue(now), SQLValue(changed),
                SQLValue(id))
            return changed
        }
        signals.raise(.environment(id))
        return updated
    }

    /// Ends an environment for new sessions. Idempotent. - Throws: `WireError` 404.
    public func archiveEnvironment(_ id: EnvironmentID, workspace: String) async throws -> JSON {
        let now = clock.now()
        let trail = trail(at: now)
        let archived = try await database.write { connection in
            var body = try Self.requiredEnvironment(id, workspace: workspace, connection)
            guard body["archived_at"]?.isNull ?? true else { return body }
            try trail.note(.environmentArchived, id.rawValue, workspace: workspace, connection)
            body["archived_at"] = JSON(now)
            body["updated_at"] = JSON(now)
            try connection.execute(
                "UPDATE environments SET archived_at = ?, updated_at = ?, body = ? WHERE id = ?", SQLValue(now),
                SQLValue(now), SQLValue(body), SQLValue(id))
            return body
        }
        signals.raise(.environment(id))
        return archived
    }

    /// Removes an environment and its keys. - Throws: `WireError` 404; 409 while a session refers to it.
    public func deleteEnvironment(_ id: EnvironmentID, workspace: String) async throws {
        let trail = trail(at: clock.now())
        try await database.write { connection in
            _ = try Self.requiredEnvironment(id, workspace: workspace, connection)
            let used = try connection.first("SELECT id FROM sessions WHERE environment_id = ? LIMIT 1", SQLValue(id))
            if let session = used?.text(0) {
                throw WireError.conflict("environment \(id) is used by session \(session): delete its sessions first")
            }
            try trail.note(.environmentDeleted, id.rawValue, workspace: workspace, connection)
            try connection.execute("DELETE FROM keys WHERE environment_id = ?", SQLValue(id))
            try connection.execute("DELETE FROM work WHERE environment_id = ?", SQLValue(id))
            try connection.execute("DELETE FROM environments WHERE id = ?", SQLValue(id))
        }
    }

    public func environments(workspace: String, _ query: PageQuery) async throws -> [ObjectRow] {
        try await objects(in: "environments", workspace: workspace, query)
    }

    private static func requiredEnvironment(
        _ id: EnvironmentID, workspace: String, _ connection: any SQLConnection
    ) throws -> JSON {
        guard
            let row = try connection.first(
                "SELECT body FROM environments WHERE id = ? AND workspace_id = ?", SQLValue(id), SQLValue(workspace))
        else { throw WireError.notFound("no environment with id \(id)") }
        return try JSON(stored: row.bytes(0))
    }
}
