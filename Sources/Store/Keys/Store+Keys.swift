internal import Wire

extension Store {
    /// The workspace that exists from the start.
    public static let defaultWorkspace = "wrkspc_default"

    /// Makes sure that the first workspace exists and that this secret is the one key of this kind and name: others that
    /// were configured before are revoked. Idempotent.
    public func ensureKey(_ secret: KeySecret, kind: KeyKind, name: String) async throws {
        let now = clock.now()
        let id = APIKeyID.make(ids)
        let trail = trail(at: now)
        try await database.write { connection in
            try connection.execute(
                "INSERT INTO workspaces (id, name, created_at) VALUES (?, 'Default', ?) ON CONFLICT DO NOTHING",
                SQLValue(Self.defaultWorkspace), SQLValue(now))
            let known = try connection.first(
                "SELECT 1 FROM keys WHERE hash = ? AND kind = ? AND name = ? AND archived_at IS NULL",
                SQLValue(secret.hash), SQLValue(kind.rawValue), SQLValue(name))
            if known == nil {
                try trail.note(
                    .keyCreated, id.rawValue, workspace: Self.defaultWorkspace,
                    ["kind": .string(kind.rawValue), "name": AuditChain.bounded(name)], connection)
            }
            let others = try connection.query(
                "SELECT id FROM keys WHERE kind = ? AND name = ? AND hash <> ? AND archived_at IS NULL",
                SQLValue(kind.rawValue), SQLValue(name), SQLValue(secret.hash))
            for other in others {
                try trail.note(.keyRevoked, other.text(0), workspace: Self.defaultWorkspace, connection)
            }
            try connection.execute(
                """
                INSERT INTO keys (id, workspace_id, kind, hash, name, hint, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (hash) DO UPDATE SET archived_at = NULL, kind = excluded.kind, name = excluded.name
                """,
                SQLValue(id), SQLValue(Self.defaultWorkspace), SQLValue(kind.rawValue), SQLValue(secret.hash),
                SQLValue(name), SQLValue(secret.hint), SQLValue(now))
            try connection.execute(
                "UPDATE keys SET archived_at = ? WHERE kind = ? AND name = ? AND hash <> ? AND archived_at IS NULL",
                SQLValue(now), SQLValue(kind.rawValue), SQLValue(name), SQLValue(secret.hash))
        }
    }

    /// Makes a key and returns its secret, for the only time.
    public func createKey(
        kind: KeyKind, name: String, workspace: String, environment: String? = nil
    ) async throws -> (record: KeyRecord, secret: KeySecret) {
        let now = clock.now()
        let id = APIKeyID.make(ids)
        let secret = KeySecret.make(prefix: kind.prefix)
        let trail = trail(at: now)
        let record = try await database.write { connection in
            guard try connection.first("SELECT 1 FROM workspaces WHERE id = ?", SQLValue(workspace)) != nil else {
                throw WireError.notFound("no workspace with id \(workspace)")
            }
            try trail.note(
                .keyCreated, id.rawValue, workspace: workspace,
                [
                    "kind": .string(kind.rawValue), "name": AuditChain.bounded(name),
                    "environment_id": JSON(environment),
                ], connection)
            try connection.execute(
                """
                INSERT INTO keys (id, workspace_id, kind, hash, name, hint, environment_id, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                SQLValue(id), SQLValue(workspace), SQLValue(kind.rawValue), SQLValue(secret.hash), SQLValue(name),
                SQLValue(secret.hint), SQLValue(environment), SQLValue(now))
            return try Self.requiredKey(id.rawValue, workspace: workspace, connection)
        }
        return (record, secret)
    }

    /// The key with this hash, valid or not; nil when there never was one.
    public func key(hash: String) async throws -> KeyRecord? {
        try await database.read { connection in
            try connection.first("SELECT \(KeyRecord.columns) FROM keys WHERE hash = ?", SQLValue(hash))
                .map { try KeyRecord(row: $0) }
        }
    }

    /// One key by its id. - Throws: `WireError` 404.
    public func key(_ id: String, workspace: String) async throws -> KeyRecord {
        try await database.read { try Self.requiredKey(id, workspace: workspace, $0) }
    }

    /// The keys of a kind, newest first, behind the key `before`; only those of `environment` when given.
    public func keys(
        workspace: String, kind: KeyKind, environment: String? = nil, before: String? = nil, limit: Int
    ) async throws -> [KeyRecord] {
        try await database.read { connection in
            try connection.query(
                """
                SELECT \(KeyRecord.columns) FROM keys WHERE workspace_id = ? AND kind = ?
                    AND (? IS NULL OR environment_id = ?) AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?
                """, SQLValue(workspace), SQLValue(kind.rawValue), SQLValue(environment), SQLValue(environment),
                SQLValue(before), SQLValue(before), SQLValue(limit)
            ).map { try KeyRecord(row: $0) }
        }
    }

    /// Ends a key for good. Idempotent. - Throws: `WireError` 404.
    public func revokeKey(
        _ id: String, workspace: String, environment: String? = nil
    ) async throws -> KeyRecord {
        let now = clock.now()
        let trail = trail(at: now)
        return try await database.write { connection in
            var record = try Self.requiredKey(id, workspace: workspace, connection)
            guard record.environmentID == environment else { throw WireError.notFound("no key with id \(id)") }
            if record.archivedAt == nil {
                record.archivedAt = now
                try trail.note(
                    .keyRevoked, id, workspace: workspace, ["kind": .string(record.kind.rawValue)], connection)
                try connection.execute("UPDATE keys SET archived_at = ? WHERE id = ?", SQLValue(now), SQLValue(id))
            }
            return record
        }
    }

    public func renameKey(_ id: String, workspace: String, name: String) async throws -> KeyRecord {
        let trail = trail(at: clock.now())
        return try await database.write { connection in
            try trail.note(
                .keyUpdated, try Self.requiredKey(id, workspace: workspace, connection).id, workspace: workspace,
                ["name": AuditChain.bounded(name)], connection)
            try connection.execute(
                "UPDATE keys SET name = ? WHERE id = ? AND workspace_id = ?", SQLValue(name), SQLValue(id),
                SQLValue(workspace))
            return try Self.requiredKey(id, workspace: workspace, connection)
        }
    }

    private static func requiredKey(
        _ id: String, workspace: String, _ connection: any SQLConnection
    ) throws -> KeyRecord {
        guard
            let row = try connection.first(
                "SELECT \(KeyRecord.columns) FROM keys WHERE id = ? AND workspace_id = ?", SQLValue(id),
                SQLValue(workspace))
        else { throw WireError.notFound("no key with id \(id.prefix(128))") }
        return try KeyRecord(row: row)
    }
}
