public import Wire

extension Store {
    /// What begins every placeholder, so that people and the gate know one when they see it.
    public static let placeholderPrefix = "perimeter-placeholder-"

    /// The secrets behind a session's placeholders, for the holder of its lease.
    ///
    /// Placeholders are random, and the same for a variable through the whole life of a session, since a living shell keeps
    /// the ones that it was started with.
    /// - Parameters:
    ///   - claim: the claim by which the caller serves the session.
    ///   - known: the revision that the caller has.
    /// - Returns: nil when `known` is the present revision.
    /// - Throws: `WireError` 403 unless the claim is acknowledged, in force, and the latest.
    public func sessionSecrets(of session: SessionID, for claim: WorkRecord, known: String?) async throws
        -> SessionSecrets?
    {
        let now = clock.now()
        let found = try await database.read { connection in
            try Self.requireLease(claim, of: session, now: now, connection)
            return try Self.chosenCredentials(of: session, connection)
        }
        let revision = SessionSecrets.revision(of: found)
        guard revision != known else { return nil }
        guard !found.isEmpty else { return SessionSecrets(revision: revision, entries: []) }
        let placeholders = try await placeholders(for: found.map(\.variable), of: session)
        let keys = try requiredMasterKeys()
        let entries = try found.map { credential in
            SessionSecrets.Entry(
                variable: credential.variable, placeholder: placeholders[credential.variable] ?? "",
                value: try credential.secrets(keys).value, vaultID: credential.vaultID, credentialID: credential.id,
                networking: credential.body["auth"]?["networking"] ?? .null,
                location: credential.body["auth"]?["injection_location"] ?? .null)
        }
        let trail = trail(at: now)
        try await database.write { connection in
            // Told only to who still holds the lease, and only once it is written down.
            try Self.requireLease(claim, of: session, now: now, connection)
            try trail.note(
                .credentialsDelivered, session.rawValue, workspace: claim.workspaceID,
                ["credential_ids": .array(entries.prefix(64).map { .string($0.credentialID.rawValue) })], connection)
        }
        return SessionSecrets(revision: revision, entries: entries)
    }

    /// - Throws: `WireError` 403 unless the claim is acknowledged, in force, and the session's latest.
    static func requireLease(
        _ claim: WorkRecord, of session: SessionID, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        let row = try connection.first(
            "SELECT session_id, claim, state, lease_expires_at FROM work WHERE id = ?", SQLValue(claim.id))
        guard let row, row.text(0) == session.rawValue, row.integer(1) == claim.claim,
            [WorkState.starting, .active, .stopping].map(\.rawValue).contains(row.text(2)),
            let expiry = row.optionalTimestamp(3), expiry > now
        else {
            throw WireError.forbidden("this credential does not hold the lease of session \(session)")
        }
    }

    private static func chosenCredentials(
        of session: SessionID, _ connection: any SQLConnection
    ) throws -> [CredentialRecord] {
        guard
            let row = try connection.first(
                "SELECT \(SessionRecord.columns) FROM sessions WHERE id = ?", SQLValue(session))
        else { throw WireError.notFound("no session with id \(session)") }
        let vaults = try SessionRecord(row: row).vaultIDs
        let credentials = try activeCredentials(of: vaults.map(\.rawValue), connection)
        return SessionSecrets.chosen(from: credentials, vaults: vaults)
    }

    /// The placeholders of these variables; missing ones are made.
    private func placeholders(for variables: [String], of session: SessionID) async throws -> [String: String] {
        @Sendable func known(_ connection: any SQLConnection) throws -> [String: String] {
            Dictionary(
                try connection.query(
                    "SELECT variable, placeholder FROM placeholders WHERE session_id = ?", SQLValue(session)
                ).map { ($0.text(0), $0.text(1)) }, uniquingKeysWith: { $1 })
        }
        let stored = try await database.read { try known($0) }
        guard variables.contains(where: { stored[$0] == nil }) else { return stored }
        return try await database.write { connection in
            // Not for a session that was deleted meanwhile: nobody would remove the rows.
            guard try connection.first("SELECT 1 FROM sessions WHERE id = ?", SQLValue(session)) != nil else {
                throw WireError.notFound("no session with id \(session)")
            }
            for variable in variables {
                try connection.execute(
                    "INSERT INTO placeholders (session_id, variable, placeholder) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    SQLValue(session), SQLValue(variable),
                    SQLValue(KeySecret.make(prefix: Self.placeholderPrefix).reveal()))
            }
            return try known(connection)
        }
    }
}

extension CredentialRecord {
    /// The `secret_name` of an `environment_variable` credential.
    fileprivate var variable: String { body["auth"]?["secret_name"]?.stringValue ?? "" }
}
