public import Wire

/// A port of a session's sandbox that whoever knows its address may reach until it expires.
public struct PortPreview: Sendable, Equatable {
    public var id: PreviewID
    public var workspaceID: String
    public var sessionID: SessionID
    public var port: Int
    public var createdAt: Timestamp
    public var expiresAt: Timestamp

    static let columns = "id, workspace_id, session_id, port, created_at, expires_at"

    init(row: SQLRow) throws {
        guard let id = PreviewID(row.text(0)), let session = SessionID(row.text(2)) else {
            throw StoreError(.corrupt, "unreadable preview row")
        }
        self.id = id
        workspaceID = row.text(1)
        sessionID = session
        port = row.integer(3)
        createdAt = row.timestamp(4)
        expiresAt = row.timestamp(5)
    }

    public var json: JSON {
        [
            "type": "sandbox_preview", "id": .string(id.rawValue), "session_id": .string(sessionID.rawValue),
            "port": JSON(port), "created_at": JSON(createdAt), "expires_at": JSON(expiresAt),
        ]
    }
}

extension Store {
    /// Previews of one session that have not expired, at most.
    public static let maximumPreviews = 64

    /// - Parameter tokenHash: of the secret part of the address.
    /// - Throws: `WireError` 404; 400 when the session has too many.
    public func createPortPreview(
        of session: SessionID, workspace: String, port: Int, for life: Duration, tokenHash: String
    ) async throws -> PortPreview {
        let now = clock.now()
        let id = PreviewID.make(ids)
        let trail = trail(at: now)
        return try await database.write { connection in
            _ = try Self.required(session, workspace: workspace, connection)
            try connection.execute("DELETE FROM port_previews WHERE expires_at <= ?", SQLValue(now))
            let count =
                try connection.first(
                    "SELECT COUNT(*) FROM port_previews WHERE session_id = ?", SQLValue(session))?.integer(0) ?? 0
            guard count < Self.maximumPreviews else {
                throw WireError.invalid("session \(session) has \(Self.maximumPreviews) previews: delete one first")
            }
            try trail.note(
                .previewCreated, id.rawValue, workspace: workspace,
                [
                    "session_id": .string(session.rawValue), "port": JSON(port),
                    "expires_at": JSON(now.advanced(by: life)),
                ], connection)
            try connection.execute(
                """
                INSERT INTO port_previews (id, token_hash, workspace_id, session_id, port, created_at, expires_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """, SQLValue(id), SQLValue(tokenHash), SQLValue(workspace), SQLValue(session), SQLValue(port),
                SQLValue(now), SQLValue(now.advanced(by: life)))
            guard
                let row = try connection.first(
                    "SELECT \(PortPreview.columns) FROM port_previews WHERE id = ?", SQLValue(id))
            else { throw StoreError(.corrupt, "a preview vanished") }
            return try PortPreview(row: row)
        }
    }

    /// The preview with this secret; nil when there is none or it has expired.
    public func portPreview(tokenHash: String) async throws -> PortPreview? {
        let now = clock.now()
        let row = try await database.read {
            try $0.first(
                "SELECT \(PortPreview.columns) FROM port_previews WHERE token_hash = ? AND expires_at > ?",
                SQLValue(tokenHash), SQLValue(now))
        }
        return try row.map { try PortPreview(row: $0) }
    }

    /// Those of a session that have not expired, oldest first.
    public func portPreviews(of session: SessionID) async throws -> [PortPreview] {
        let now = clock.now()
        return try await database.read {
            try $0.query(
                "SELECT \(PortPreview.columns) FROM port_previews WHERE session_id = ? AND expires_at > ? ORDER BY id",
                SQLValue(session), SQLValue(now)
            ).map { try PortPreview(row: $0) }
        }
    }

    /// - Throws: `WireError` 404.
    public func deletePortPreview(_ id: PreviewID, of session: SessionID) async throws {
        let trail = trail(at: clock.now())
        _ = try await database.write { connection in
            guard
                let row = try connection.first(
                    "SELECT workspace_id FROM port_previews WHERE id = ? AND session_id = ?", SQLValue(id),
                    SQLValue(session))
            else { throw WireError.notFound("no preview with id \(id) in session \(session)") }
            try trail.note(
                .previewDeleted, id.rawValue, workspace: row.text(0), ["session_id": .string(session.rawValue)],
                connection)
            try connection.execute("DELETE FROM port_previews WHERE id = ?", SQLValue(id))
        }
    }
}
