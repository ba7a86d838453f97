public import Wire

/// One row of `credentials`.
public struct CredentialRecord: Sendable {
    public var id: CredentialID
    public var vaultID: VaultID
    public var kind: CredentialKind
    public var key: CredentialKey
    /// Counts the changes: two readings with one number are equal.
    public var revision: Int
    public var createdAt: Timestamp
    public var archivedAt: Timestamp?
    /// The object that is sent; holds no secret.
    public var body: JSON
    /// Nil once the credential is archived.
    var sealed: SealedBytes?

    static let columns = """
        id, vault_id, kind, lookup_key, revision, created_at, archived_at, body, master_key_id, sealed
        """

    init(row: SQLRow) throws {
        guard let id = CredentialID(row.text(0)), let vault = VaultID(row.text(1)),
            let kind = CredentialKind(rawValue: row.text(2)), let key = CredentialKey(stored: row.text(3))
        else { throw StoreError(.corrupt, "unreadable credential row") }
        self.id = id
        vaultID = vault
        self.kind = kind
        self.key = key
        revision = row.integer(4)
        createdAt = row.timestamp(5)
        archivedAt = row.optionalTimestamp(6)
        body = try JSON(stored: row.bytes(7))
        guard let keyID = row.optionalText(8), let text = row.optionalText(9) else { return }
        guard let bytes = Base64.decode(text) else { throw StoreError(.corrupt, "unreadable sealed secret of \(id)") }
        sealed = SealedBytes(keyID: keyID, bytes: bytes)
    }

    /// What the sealed bytes belong to.
    static func owner(_ id: CredentialID, of vault: VaultID) -> String { "\(vault)/\(id)" }

    /// Opens the secrets. - Throws: ``StoreError`` when the credential has none or the key is missing.
    func secrets(_ keys: MasterKeys) throws(StoreError) -> CredentialSecrets {
        guard let sealed else { throw StoreError(.failed, "credential \(id) is archived: its secret is gone") }
        let plaintext = try keys.open(sealed, owner: Self.owner(id, of: vaultID))
        guard let secrets = CredentialSecrets(plaintext: plaintext) else {
            throw StoreError(.corrupt, "the secret of credential \(id) is unreadable")
        }
        return secrets
    }
}
