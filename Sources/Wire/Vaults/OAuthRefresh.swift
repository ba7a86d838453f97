/// How the access token of a credential is renewed (RFC 6749 §6): what to send. Pure.
public struct OAuthRefresh: Sendable, Hashable {
    /// How the client proves itself at the token endpoint (RFC 6749 §2.3.1).
    public enum Authentication: Sendable, Hashable {
        case none
        case basic(Secret)
        case post(Secret)
    }
    public var endpoint: ServerURL
    public var clientID: String
    public var authentication: Authentication
    public var refreshToken: Secret
    /// The resource indicator (RFC 8707).
    public var resource: String?
    public var scope: String?

    /// From a stored credential; nil when it has no refresh configuration.
    package init?(auth: JSON, secrets: CredentialSecrets) {
        guard let refresh = auth["refresh"], let token = secrets.refreshToken,
            let endpoint = refresh["token_endpoint"]?.stringValue.flatMap({ ServerURL($0) }),
            let client = refresh["client_id"]?.stringValue
        else { return nil }
        switch (refresh["token_endpoint_auth"]?["type"]?.stringValue, secrets.clientSecret) {
        case ("none", _): authentication = .none
        case ("client_secret_basic", let secret?): authentication = .basic(secret)
        case ("client_secret_post", let secret?): authentication = .post(secret)
        default: return nil
        }
        self.endpoint = endpoint
        clientID = client
        refreshToken = token
        resource = refresh["resource"]?.stringValue
        scope = refresh["scope"]?.stringValue
    }

    /// The value of the `authorization` header; nil where the client does not prove itself in it.
    public var authorization: Secret? {
        guard case .basic(let secret) = authentication else { return nil }
        let pair = "\(FormEncoding.encode(clientID)):\(FormEncoding.encode(secret.reveal()))"
        return Secret("Basic \(Base64.encode(Array(pair.utf8)))")
    }

    /// The body of the POST, of type `application/x-www-form-urlencoded`.
    public var form: Secret {
        var fields = [(name: "grant_type", value: "refresh_token"), ("refresh_token", refreshToken.reveal())]
        if let scope { fields.append(("scope", scope)) }
        if let resource { fields.append(("resource", resource)) }
        switch authentication {
        case .none: fields.append(("client_id", clientID))
        case .basic: break
        case .post(let secret): fields += [("client_id", clientID), ("client_secret", secret.reveal())]
        }
        return Secret(FormEncoding.encode(fields))
    }
}
