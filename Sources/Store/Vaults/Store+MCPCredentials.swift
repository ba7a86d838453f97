public import Wire

extension Store {
    /// The credential with which a session speaks to an MCP server: of its vaults the first that has an active one for the
    /// same address (reference api-core §6.3).
    /// - Returns: nil when there is none: the server is tried without.
    public func mcpCredential(for server: ServerURL, of session: SessionID) async throws -> MCPCredential? {
        let record = try await database.read { connection -> CredentialRecord? in
            guard
                let row = try connection.first(
                    "SELECT \(SessionRecord.columns) FROM sessions WHERE id = ?", SQLValue(session))
            else { throw WireError.notFound("no session with id \(session)") }
            let vaults = try SessionRecord(row: row).vaultIDs
            let credentials = try Self.activeCredentials(of: vaults.map(\.rawValue), connection)
            let key = CredentialKey.server(server)
            return vaults.lazy.compactMap { vault in
                credentials.first { $0.vaultID == vault && $0.key == key }
            }.first
        }
        guard let record else { return nil }
        return try MCPCredential(record, try requiredMasterKeys())
    }

    /// Stores what a token endpoint granted. A refresh token that came with it is on disk, sealed, before this returns.
    ///
    /// Of two renewals of one reading the first counts: the caller of the other gets what that one stored. A credential that
    /// its owner changed meanwhile keeps the owner's change.
    /// - Returns: the credential as it is now; nil when it was archived or deleted.
    public func renew(
        _ credential: MCPCredential, accessToken: Secret, expiresAt: Timestamp?, refreshToken: Secret?
    ) async throws -> MCPCredential? {
        let keys = try requiredMasterKeys()
        let now = clock.now()
        let trail = trail(at: now)
        let record = try await database.write { connection -> CredentialRecord? in
            func present() throws -> CredentialRecord? {
                try connection.first(
                    "SELECT \(CredentialRecord.columns) FROM credentials WHERE id = ? AND archived_at IS NULL",
                    SQLValue(credential.id)
                ).map { try CredentialRecord(row: $0) }
            }
            guard let record = try present(), record.revision == credential.revision else { return try present() }
            let vault = try connection.first(
                "SELECT workspace_id FROM vaults WHERE id = ?", SQLValue(record.vaultID.rawValue))
            try trail.note(
                .credentialRenewed, record.id.rawValue, workspace: vault?.text(0) ?? "",
                ["vault_id": .string(record.vaultID.rawValue)], connection)
            var object = record.body
            object["updated_at"] = JSON(now)
            if var auth = object["auth"] {
                auth["expires_at"] = JSON(expiresAt)
                object["auth"] = auth
            }
            let update = CredentialUpdate(
                object: object, secrets: CredentialSecrets.Change(value: accessToken, refreshToken: refreshToken))
            try Self.store(update, over: record, keys, now: now, connection)
            return try present()
        }
        return try record.map { try MCPCredential($0, keys) }
    }
}
