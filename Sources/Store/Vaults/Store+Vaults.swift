public import Wire

extension Store {
    /// Stores a new vault, whose body is the object that is sent.
    public func createVault(_ id: VaultID, body: JSON, workspace: String, at now: Timestamp) async throws {
        let trail = trail(at: now)
        try await database.write { connection in
            try trail.note(.vaultCreated, id.rawValue, workspace: workspace, connection)
            _ = try connection.execute(
                "INSERT INTO vaults (id, workspace_id, created_at, updated_at, body) VALUES (?, ?, ?, ?, ?)",
                SQLValue(id), SQLValue(workspace), SQLValue(now), SQLValue(now), SQLValue(body))
        }
    }

    /// The vault object. - Throws: `WireError` 404.
    public func vault(_ id: VaultID, workspace: String) async throws -> JSON {
        try await database.read { try Self.requiredVault(id, workspace: workspace, $0) }
    }

    /// Changes a vault by `change`, which gets the present object and returns the new one.
    /// - Throws: `WireError` 404, and what `change` throws.
    public func updateVault(
        _ id: VaultID, workspace: String, _ change: @escaping @Sendable (JSON) throws -> JSON
    ) async throws -> JSON {
        let now = clock.now()
        let trail = trail(at: now)
        return try await database.write { connection in
            let current = try Self.requiredVault(id, workspace: workspace, connection)
            var changed = try change(current)
            guard changed != current else { return current }
            try trail.note(.vaultUpdated, id.rawValue, workspace: workspace, connection)
            changed["updated_at"] = JSON(now)
            try connection.execute(
                "UPDATE vaults SET updated_at = ?, body = ? WHERE id = ?", SQLValue(now), SQLValue(changed),
                SQLValue(id))
            return changed
        }
    }

    /// Ends a vault for new sessions and its credentials for all: their secrets are gone. Idempotent.
    /// - Throws: `WireError` 404.
    public func archiveVault(_ id: VaultID, workspace: String) async throws -> JSON {
        let now = clock.now()
        let trail = trail(at: now)
        let body = try await database.write { connection in
            var body = try Self.requiredVault(id, workspace: workspace, connection)
            guard body["archived_at"]?.isNull ?? true else { return body }
            for credential in try Self.activeCredentials(of: [id.rawValue], connection) {
                _ = try Self.archive(credential, now: now, connection)
                try trail.note(
                    .credentialArchived, credential.id.rawValue, workspace: workspace,
                    ["vault_id": .string(id.rawValue)],
                    connection)
            }
            try trail.note(.vaultArchived, id.rawValue, workspace: workspace, connection)
            body["archived_at"] = JSON(now)
            body["updated_at"] = JSON(now)
            try connection.execute(
                "UPDATE vaults SET archived_at = ?, updated_at = ?, body = ? WHERE id = ?", SQLValue(now),
                SQLValue(now), SQLValue(body), SQLValue(id))
            return body
        }
        signals.raise(.secrets)
        return body
    }

    /// Removes a vault with its credentials. Sessions that name it go on without them.
    /// - Throws: `WireError` 404.
    public func deleteVault(_ id: VaultID, workspace: String) async throws {
        let trail = trail(at: clock.now())
        try await database.write { connection in
            _ = try Self.requiredVault(id, workspace: workspace, connection)
            try trail.note(.vaultDeleted, id.rawValue, workspace: workspace, connection)
            try connection.execute("DELETE FROM credentials WHERE vault_id = ?", SQLValue(id))
            try connection.execute("DELETE FROM vaults WHERE id = ?", SQLValue(id))
        }
        signals.raise(.secrets)
    }

    public func vaults(workspace: String, _ query: PageQuery) async throws -> [ObjectRow] {
        try await objects(in: "vaults", workspace: workspace, query)
    }

    static func requiredVault(_ id: VaultID, workspace: String, _ connection: any SQLConnection) throws -> JSON {
        guard
            let row = try connection.first(
                "SELECT body FROM vaults WHERE id = ? AND workspace_id = ?", SQLValue(id), SQLValue(workspace))
        else { throw WireError.notFound("no vault with id \(id)") }
        return try JSON(stored: row.bytes(0))
    }

    /// Checks what a new session names.
    /// - Throws: `WireError` 404 for a vault that is not in the workspace, 400 for an archived one.
    static func requireVaults(_ ids: [VaultID], workspace: String, _ connection: any SQLConnection) throws {
        for (index, id) in ids.enumerated() {
            let row = try connection.first(
                "SELECT archived_at FROM vaults WHERE id = ? AND workspace_id = ?", SQLValue(id), SQLValue(workspace))
            guard let row else { throw WireError.notFound("vault_ids[\(index)]: no vault with id \(id)") }
            guard row.optionalInteger(0) == nil else {
                throw WireError.invalid("vault_ids[\(index)]: vault \(id) is archived")
            }
        }
    }
}
