public import Wire

/// What an MCP client needs of a credential. Lives in the server's process only.
public struct MCPCredential: Sendable {
    public var id: CredentialID
    public var vaultID: VaultID
    /// Told to ``Store/renew(_:accessToken:expiresAt:refreshToken:)``, so that two renewals at once do not undo each other.
    public var revision: Int
    /// The bearer token.
    public var token: Secret
    /// Nil for a token whose end is not known.
    public var expiresAt: Timestamp?
    /// Nil for a token that cannot be renewed.
    public var refresh: OAuthRefresh?

    /// How long before its end a token is renewed.
    public static let margin = Duration.seconds(60)

    /// Whether to renew the token before it is used.
    public func isDue(at now: Timestamp) -> Bool {
        guard refresh != nil, let expiresAt else { return false }
        return now.advanced(by: Self.margin) >= expiresAt
    }

    init(_ record: CredentialRecord, _ keys: MasterKeys) throws(StoreError) {
        let secrets = try record.secrets(keys)
        let auth = record.body["auth"] ?? .null
        id = record.id
        vaultID = record.vaultID
        revision = record.revision
        token = secrets.value
        expiresAt = auth["expires_at"]?.stringValue.flatMap { Timestamp($0) }
        refresh = OAuthRefresh(auth: auth, secrets: secrets)
    }
}
