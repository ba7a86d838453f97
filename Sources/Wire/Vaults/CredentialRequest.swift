/// A credential as a request describes it: what is shown, and apart from it what is not.
public struct NewCredential: Sendable {
    public var kind: CredentialKind
    public var key: CredentialKey
    /// The object that is sent; holds no secret.
    public var object: JSON
    public var secrets: CredentialSecrets
}

/// What an update makes of a credential.
public struct CredentialUpdate: Sendable {
    /// The object that is sent; holds no secret.
    public var object: JSON
    public var secrets: CredentialSecrets.Change

    public init(object: JSON, secrets: CredentialSecrets.Change) {
        self.object = object
        self.secrets = secrets
    }
}

/// Checks the bodies that create and update credentials (reference api-core §6).
public enum CredentialRequest {
    /// - Throws: ``WireError`` 400 naming the member, and never repeating a secret.
    public static func create(
        _ body: JSON, id: CredentialID, vault: VaultID, at now: Timestamp
    ) throws(WireError) -> NewCredential {
        var reader = try ObjectReader(body)
        let (kind, auth) = try CredentialAuth.create(try reader.required("auth"), at: now)
        let name = try reader.optionalString("display_name", length: 0...255).orNil
        let metadata = try Metadata.create(reader.raw("metadata"))
        try reader.finish()
        return NewCredential(
            kind: kind, key: auth.key,
            object: [
                "type": "vault_credential", "id": .string(id.rawValue), "vault_id": .string(vault.rawValue),
                "display_name": JSON(name), "auth": auth.shown, "metadata": metadata, "created_at": JSON(now),
                "updated_at": JSON(now), "archived_at": .null,
            ], secrets: auth.secrets)
    }

    /// The credential after an update. Its kind and its key never change.
    /// - Throws: ``WireError`` 400 naming the member, or for an archived credential.
    public static func update(_ current: JSON, with body: JSON, at now: Timestamp) throws(WireError) -> CredentialUpdate
    {
        guard current["archived_at"]?.isNull ?? true else {
            throw .invalid(
                "credential \(current["id"]?.stringValue ?? "") is archived and cannot be changed; create another one")
        }
        var reader = try ObjectReader(body)
        var changed = current
        var secrets = CredentialSecrets.Change()
        let name = try reader.optionalString("display_name", length: 1...255)
        if !name.isAbsent { changed["display_name"] = JSON(name.orNil) }
        if let auth = reader.field("auth").orNil {
            (changed["auth"], secrets) = try CredentialAuth.update(current["auth"] ?? [:], with: auth, at: now)
        }
        changed["metadata"] = try Metadata.apply(
            reader.raw("metadata"), to: current["metadata"] ?? [:], emptyDeletes: false)
        try reader.finish()
        return CredentialUpdate(object: changed, secrets: secrets)
    }
}
