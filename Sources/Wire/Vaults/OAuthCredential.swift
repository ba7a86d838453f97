/// The `auth` of kind `mcp_oauth`.
enum OAuthCredential {
    private static let path = "auth.refresh"

    static func create(_ reader: inout ObjectReader, at now: Timestamp) throws(WireError) -> CredentialAuth {
        let url = try CredentialAuth.server(&reader)
        var secrets = CredentialSecrets(value: try SecretField.required(&reader, "access_token", .bearer))
        var shown: JSON = [
            "type": "mcp_oauth", "mcp_server_url": .string(url.text),
            "expires_at": JSON(try expiry(&reader, at: now).orNil), "refresh": .null,
        ]
        if let refresh = reader.field("refresh").orNil {
            shown["refresh"] = try createRefresh(refresh, &secrets)
        }
        return CredentialAuth(key: .server(url), shown: shown, secrets: secrets)
    }

    private static func createRefresh(_ json: JSON, _ secrets: inout CredentialSecrets) throws(WireError) -> JSON {
        var reader = try ObjectReader(json, path: path)
        let client = try reader.string("client_id", length: 1...1024)
        let endpoint = try CredentialAuth.url(
            try reader.string("token_endpoint", length: 1...2047), "\(path).token_endpoint")
        secrets.refreshToken = try SecretField.required(&reader, "refresh_token", .oauth(4096))
        let resource = try reader.optionalString("resource", length: 1...2047).orNil
        let scope = try reader.optionalString("scope", length: 0...8192).orNil
        var auth = try ObjectReader(try reader.required("token_endpoint_auth"), path: "\(path).token_endpoint_auth")
        let type = try auth.string("type")
        switch type {
        case "none": break
        case "client_secret_basic", "client_secret_post":
            secrets.clientSecret = try SecretField.required(&auth, "client_secret", .oauth(512))
        default:
            throw .invalid(
                "\(path).token_endpoint_auth.type: must be 'none', 'client_secret_basic' or 'client_secret_post'")
        }
        try auth.finish()
        try reader.finish()
        return [
            "client_id": .string(client), "token_endpoint": .string(endpoint.text),
            "token_endpoint_auth": ["type": .string(type)], "resource": JSON(resource),
            "scope": JSON(scope.flatMap { $0.isEmpty ? nil : $0 }),
        ]
    }

    static func update(
        _ shown: inout JSON, _ reader: inout ObjectReader, at now: Timestamp
    ) throws(WireError) -> CredentialSecrets.Change {
        var secrets = CredentialSecrets.Change(value: try SecretField.optional(&reader, "access_token", .bearer))
        let expiry = try expiry(&reader, at: now)
        if !expiry.isAbsent { shown["expires_at"] = JSON(expiry.orNil) }
        if let refresh = reader.field("refresh").orNil {
            shown["refresh"] = try updateRefresh(shown["refresh"] ?? .null, with: refresh, &secrets)
        }
        return secrets
    }

    private static func updateRefresh(
        _ current: JSON, with json: JSON, _ secrets: inout CredentialSecrets.Change
    ) throws(WireError) -> JSON {
        guard current.objectValue != nil else {
            throw .invalid("\(path): this credential has no refresh configuration; create another credential with one")
        }
        var changed = current
        var reader = try ObjectReader(json, path: path)
        secrets.refreshToken = try SecretField.optional(&reader, "refresh_token", .oauth(4096))
        let scope = try reader.optionalString("scope", length: 0...8192)
        if !scope.isAbsent { changed["scope"] = JSON(scope.orNil.flatMap { $0.isEmpty ? nil : $0 }) }
        if let auth = reader.field("token_endpoint_auth").orNil {
            secrets.clientSecret = try clientSecret(auth, of: current)
        }
        try reader.finish()
        return changed
    }

    /// The kind of authentication stays, also when the other one with a secret is named (the SDK documents it so).
    private static func clientSecret(_ json: JSON, of current: JSON) throws(WireError) -> Secret? {
        let label = "\(path).token_endpoint_auth"
        var reader = try ObjectReader(json, path: label)
        guard ["client_secret_basic", "client_secret_post"].contains(try reader.string("type")) else {
            throw .invalid("\(label).type: must be 'client_secret_basic' or 'client_secret_post'")
        }
        guard current["token_endpoint_auth"]?["type"] != "none" else {
            throw .invalid("\(label): this credential's token endpoint takes no client secret")
        }
        let secret = try SecretField.optional(&reader, "client_secret", .oauth(512))
        try reader.finish()
        return secret
    }

    private static func expiry(_ reader: inout ObjectReader, at now: Timestamp) throws(WireError) -> Field<Timestamp> {
        let label = reader.name("expires_at")
        return try reader.optionalString("expires_at", length: 1...64).map { (text) throws(WireError) in
            guard let time = Timestamp(text) else { throw .invalid("\(label): must be an RFC 3339 time") }
            guard time > now else { throw .invalid("\(label): must be in the future") }
            return time
        }
    }
}
