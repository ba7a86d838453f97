public import Wire

/// One row of `workspaces`: what isolates everything else.
public struct WorkspaceRecord: Sendable {
    public var id: String
    public var name: String
    public var createdAt: Timestamp
}

extension Store {
    public func createWorkspace(name: String) async throws -> WorkspaceRecord {
        let record = WorkspaceRecord(id: WorkspaceID.make(ids).rawValue, name: name, createdAt: clock.now())
        let trail = trail(at: record.createdAt)
        _ = try await database.write { connection in
            try trail.note(
                .workspaceCreated, record.id, workspace: record.id, ["name": AuditChain.bounded(name)], connection)
            try connection.execute(
                "INSERT INTO workspaces (id, name, created_at) VALUES (?, ?, ?)", SQLValue(record.id),
                SQLValue(record.name), SQLValue(record.createdAt))
        }
        return record
    }

    /// All workspaces, oldest first.
    public func workspaces() async throws -> [WorkspaceRecord] {
        try await database.read { connection in
            try connection.query("SELECT id, name, created_at FROM workspaces ORDER BY id LIMIT 10000").map { row in
                WorkspaceRecord(id: row.text(0), name: row.text(1), createdAt: row.timestamp(2))
            }
        }
    }
}
