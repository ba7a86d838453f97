/// The `auth` of a credential: the part of each kind.
struct CredentialAuth {
    var key: CredentialKey
    /// As answers have it.
    var shown: JSON
    var secrets: CredentialSecrets

    static func create(_ json: JSON, at now: Timestamp) throws(WireError) -> (CredentialKind, CredentialAuth) {
        var reader = try ObjectReader(json, path: "auth")
        let kind = try kind(&reader)
        let auth =
            switch kind {
            case .staticBearer: try staticBearer(&reader)
            case .mcpOAuth: try OAuthCredential.create(&reader, at: now)
            case .environmentVariable: try VariableCredential.create(&reader)
            }
        try reader.finish()
        return (kind, auth)
    }

    static func update(
        _ current: JSON, with json: JSON, at now: Timestamp
    ) throws(WireError) -> (JSON, CredentialSecrets.Change) {
        var reader = try ObjectReader(json, path: "auth")
        let kind = try kind(&reader)
        guard current["type"] == .string(kind.rawValue) else {
            throw .invalid("auth.type: cannot change from '\(current["type"]?.stringValue ?? "")'; create another one")
        }
        var changed = current
        let secrets: CredentialSecrets.Change
        switch kind {
        case .staticBearer: secrets = .init(value: try SecretField.optional(&reader, "token", .bearer))
        case .mcpOAuth: secrets = try OAuthCredential.update(&changed, &reader, at: now)
        case .environmentVariable: secrets = try VariableCredential.update(&changed, &reader)
        }
        try reader.finish()
        return (changed, secrets)
    }

    private static func staticBearer(_ reader: inout ObjectReader) throws(WireError) -> CredentialAuth {
        let url = try server(&reader)
        let token = try SecretField.required(&reader, "token", .bearer)
        return CredentialAuth(
            key: .server(url), shown: ["type": "static_bearer", "mcp_server_url": .string(url.text)],
            secrets: CredentialSecrets(value: token))
    }

    /// The `mcp_server_url` of both MCP kinds.
    static func server(_ reader: inout ObjectReader) throws(WireError) -> ServerURL {
        try url(try reader.string("mcp_server_url", length: 1...2047), "auth.mcp_server_url")
    }

    static func url(_ text: String, _ label: String) throws(WireError) -> ServerURL {
        guard let url = ServerURL(text) else {
            throw .invalid("\(label): must be an http or https URL with a host, without a user or a fragment")
        }
        return url
    }

    private static func kind(_ reader: inout ObjectReader) throws(WireError) -> CredentialKind {
        guard let kind = CredentialKind(rawValue: try reader.string("type")) else {
            throw .invalid("auth.type: must be 'static_bearer', 'mcp_oauth' or 'environment_variable'")
        }
        return kind
    }
}
