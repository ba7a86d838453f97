internal import Wire

extension Store {
    /// How many secrets one transaction seals again.
    private static let resealBatch = 256

    /// The ids of the master keys under which secrets are stored.
    public func sealingKeyIDs() async throws -> Set<String> {
        try await database.read { connection in
            Set(
                try connection.query(
                    "SELECT DISTINCT master_key_id FROM credentials WHERE master_key_id IS NOT NULL"
                ).map { $0.text(0) })
        }
    }

    /// Seals every secret again that is not under the current key. What was done stays done when it is interrupted.
    ///
    /// Costs one transaction for 256 secrets.
    /// - Returns: how many were sealed again.
    /// - Throws: ``StoreError`` when an older key is missing.
    public func reseal() async throws -> Int {
        let keys = try requiredMasterKeys()
        var total = 0
        while true {
            let done = try await database.write { connection in
                let rows = try connection.query(
                    """
                    SELECT \(CredentialRecord.columns) FROM credentials
                    WHERE master_key_id IS NOT NULL AND master_key_id <> ? ORDER BY id LIMIT ?
                    """, SQLValue(keys.current.id), SQLValue(Self.resealBatch))
                for record in try rows.map({ try CredentialRecord(row: $0) }) {
                    let sealed = try keys.seal(
                        try record.secrets(keys).plaintext(),
                        owner: CredentialRecord.owner(record.id, of: record.vaultID))
                    try connection.execute(
                        "UPDATE credentials SET master_key_id = ?, sealed = ? WHERE id = ?", SQLValue(sealed.keyID),
                        SQLValue(sealed.text), SQLValue(record.id))
                }
                return rows.count
            }
            total += done
            guard done == Self.resealBatch else { return total }
        }
    }
}
