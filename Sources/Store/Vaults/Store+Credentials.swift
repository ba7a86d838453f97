public import Wire

extension Store {
    /// The most active credentials of a vault (reference api-core §6.2).
    public static let credentialLimit = 20

    /// Stores a credential with its secrets sealed.
    /// - Throws: `WireError` 404; 400 for an archived or a full vault; 409 when an active credential has the same key.
    public func createCredential(
        _ new: NewCredential, id: CredentialID, vault: VaultID, workspace: String, at now: Timestamp
    ) async throws {
        let sealed = try requiredMasterKeys().seal(
            new.secrets.plaintext(), owner: CredentialRecord.owner(id, of: vault))
        let trail = trail(at: now)
        try await database.write { connection in
            let body = try Self.requiredVault(vault, workspace: workspace, connection)
            guard body["archived_at"]?.isNull ?? true else {
                throw WireError.invalid("vault \(vault) is archived and takes no credentials")
            }
            let active = try Self.activeCredentials(of: [vault.rawValue], connection)
            if let same = active.first(where: { $0.key == new.key }) {
                throw WireError.conflict(
                    "credential \(same.id) of this vault is for the same server or variable: archive it first")
            }
            guard active.count < Self.credentialLimit else {
                throw WireError.invalid("vault \(vault) has \(Self.credentialLimit) credentials, the most there may be")
            }
            try trail.note(
                .credentialCreated, id.rawValue, workspace: workspace,
                ["vault_id": .string(vault.rawValue), "kind": .string(new.kind.rawValue)], connection)
            try connection.execute(
                """
                INSERT INTO credentials (id, vault_id, kind, lookup_key, revision, created_at, updated_at, body,
                    master_key_id, sealed) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?)
                """,
                SQLValue(id), SQLValue(vault), SQLValue(new.kind.rawValue), SQLValue(new.key.rawValue), SQLValue(now),
                SQLValue(now), SQLValue(new.object), SQLValue(sealed.keyID), SQLValue(sealed.text))
        }
        signals.raise(.secrets)
    }

    /// The credential object. - Throws: `WireError` 404.
    public func credential(_ id: CredentialID, vault: VaultID, workspace: String) async throws -> CredentialRecord {
        try await database.read { try Self.requiredCredential(id, vault: vault, workspace: workspace, $0) }
    }

    /// Changes a credential by `change`, which gets the present object.
    /// - Throws: `WireError` 404, and what `change` throws.
    public func updateCredential(
        _ id: CredentialID, vault: VaultID, workspace: String,
        _ change: @escaping @Sendable (JSON) throws -> CredentialUpdate
    ) async throws -> JSON {
        let now = clock.now()
        let keys = try requiredMasterKeys()
        let trail = trail(at: now)
        let body = try await database.write { connection in
            let record = try Self.requiredCredential(id, vault: vault, workspace: workspace, connection)
            var update = try change(record.body)
            guard update.object != record.body || !update.secrets.isEmpty else { return record.body }
            update.object["updated_at"] = JSON(now)
            try trail.note(
                .credentialUpdated, id.rawValue, workspace: workspace,
                ["vault_id": .string(vault.rawValue), "has_new_secret": .bool(!update.secrets.isEmpty)], connection)
            try Self.store(update, over: record, keys, now: now, connection)
            return update.object
        }
        signals.raise(.secrets)
        return body
    }

    /// Takes a credential out of use: its secret is gone, its key is free. Idempotent. - Throws: `WireError` 404.
    public func archiveCredential(_ id: CredentialID, vault: VaultID, workspace: String) async throws -> JSON {
        let now = clock.now()
        let trail = trail(at: now)
        let body = try await database.write { connection in
            let record = try Self.requiredCredential(id, vault: vault, workspace: workspace, connection)
            guard record.archivedAt == nil else { return record.body }
            try trail.note(
                .credentialArchived, id.rawValue, workspace: workspace, ["vault_id": .string(vault.rawValue)],
                connection)
            return try Self.archive(record, now: now, connection)
        }
        signals.raise(.secrets)
        return body
    }

    /// Removes a credential. - Throws: `WireError` 404.
    public func deleteCredential(_ id: CredentialID, vault: VaultID, workspace: String) async throws {
        let trail = trail(at: clock.now())
        try await database.write { connection in
            _ = try Self.requiredCredential(id, vault: vault, workspace: workspace, connection)
            try trail.note(
                .credentialDeleted, id.rawValue, workspace: workspace, ["vault_id": .string(vault.rawValue)], connection
            )
            try connection.execute("DELETE FROM credentials WHERE id = ?", SQLValue(id))
        }
        signals.raise(.secrets)
    }

    /// A page of a vault's credentials, newest first. - Throws: `WireError` 404.
    public func credentials(of vault: VaultID, workspace: String, _ query: PageQuery) async throws -> [ObjectRow] {
        let after = query.after.map { [SQLValue($0.createdAt), SQLValue($0.id)] } ?? []
        let (includesArchived, limit) = (query.includeArchived, query.limit)
        return try await database.read { connection in
            _ = try Self.requiredVault(vault, workspace: workspace, connection)
            var sql = "SELECT id, created_at, body FROM credentials WHERE vault_id = ?"
            if !includesArchived { sql += " AND archived_at IS NULL" }
            if !after.isEmpty { sql += " AND (created_at, id) < (?, ?)" }
            return try connection.query(
                sql + " ORDER BY created_at DESC, id DESC LIMIT ?", [SQLValue(vault)] + after + [SQLValue(limit)]
            ).map { row in
                ObjectRow(id: row.text(0), createdAt: row.timestamp(1), body: try JSON(stored: row.bytes(2)))
            }
        }
    }

    /// - Throws: ``StoreError`` when this process was given no master key.
    func requiredMasterKeys() throws(StoreError) -> MasterKeys {
        guard let masterKeys else { throw StoreError(.failed, "there is no master key to seal secrets with") }
        return masterKeys
    }

    static func requiredCredential(
        _ id: CredentialID, vault: VaultID, workspace: String, _ connection: any SQLConnection
    ) throws -> CredentialRecord {
        _ = try requiredVault(vault, workspace: workspace, connection)
        guard
            let row = try connection.first(
                "SELECT \(CredentialRecord.columns) FROM credentials WHERE id = ? AND vault_id = ?", SQLValue(id),
                SQLValue(vault))
        else { throw WireError.notFound("no credential with id \(id) in vault \(vault)") }
        return try CredentialRecord(row: row)
    }

    /// The active credentials of vaults, oldest first.
    static func activeCredentials(
        of vaults: [String], _ connection: any SQLConnection
    ) throws -> [CredentialRecord] {
        guard !vaults.isEmpty else { return [] }
        return try connection.query(
            """
            SELECT \(CredentialRecord.columns) FROM credentials
            WHERE vault_id IN (\(vaults.map { _ in "?" }.joined(separator: ","))) AND archived_at IS NULL
            ORDER BY created_at, id
            """, vaults.map { SQLValue($0) }
        ).map { try CredentialRecord(row: $0) }
    }

    /// Writes a changed credential; secrets that the update does not replace stay.
    static func store(
        _ update: CredentialUpdate, over record: CredentialRecord, _ keys: MasterKeys, now: Timestamp,
        _ connection: any SQLConnection
    ) throws {
        var sealed = record.sealed
        if !update.secrets.isEmpty {
            let secrets = try record.secrets(keys).applying(update.secrets)
            sealed = try keys.seal(
                secrets.plaintext(), owner: CredentialRecord.owner(record.id, of: record.vaultID))
        }
        try connection.execute(
            """
            UPDATE credentials SET revision = revision + 1, updated_at = ?, body = ?, master_key_id = ?, sealed = ?
            WHERE id = ?
            """, SQLValue(now), SQLValue(update.object), SQLValue(sealed?.keyID), SQLValue(sealed?.text),
            SQLValue(record.id))
    }

    /// - Returns: the archived object.
    static func archive(
        _ record: CredentialRecord, now: Timestamp, _ connection: any SQLConnection
    ) throws -> JSON {
        var body = record.body
        body["archived_at"] = JSON(now)
        body["updated_at"] = JSON(now)
        try connection.execute(
            """
            UPDATE credentials SET revision = revision + 1, archived_at = ?, updated_at = ?, body = ?,
                master_key_id = NULL, sealed = NULL WHERE id = ?
            """, SQLValue(now), SQLValue(now), SQLValue(body), SQLValue(record.id))
        return body
    }
}
