/// The write-only members of a credential. They enter with a request, are stored sealed, and never leave in an answer.
public struct CredentialSecrets: Sendable, Hashable {
    /// The `token`, the `access_token` or the `secret_value`, by kind.
    public var value: Secret
    public var refreshToken: Secret?
    public var clientSecret: Secret?

    public init(value: Secret, refreshToken: Secret? = nil, clientSecret: Secret? = nil) {
        self.value = value
        self.refreshToken = refreshToken
        self.clientSecret = clientSecret
    }

    /// The form that is sealed. Holds the secrets in the clear.
    package func plaintext() -> [UInt8] {
        var json: JSON = ["value": .string(value.reveal())]
        if let refreshToken { json["refresh_token"] = .string(refreshToken.reveal()) }
        if let clientSecret { json["client_secret"] = .string(clientSecret.reveal()) }
        return json.bytes
    }

    /// Reads what ``plaintext()`` wrote; nil for anything else.
    package init?(plaintext: [UInt8]) {
        guard let json = try? JSON(parsing: plaintext), let value = json["value"]?.stringValue else { return nil }
        self.init(
            value: Secret(value), refreshToken: json["refresh_token"]?.stringValue.map { Secret($0) },
            clientSecret: json["client_secret"]?.stringValue.map { Secret($0) })
    }
}

extension CredentialSecrets {
    /// Which secrets an update replaces; nil keeps.
    public struct Change: Sendable {
        public var value: Secret?
        public var refreshToken: Secret?
        public var clientSecret: Secret?

        public init(value: Secret? = nil, refreshToken: Secret? = nil, clientSecret: Secret? = nil) {
            self.value = value
            self.refreshToken = refreshToken
            self.clientSecret = clientSecret
        }

        public var isEmpty: Bool { value == nil && refreshToken == nil && clientSecret == nil }
    }

    public func applying(_ change: Change) -> CredentialSecrets {
        CredentialSecrets(
            value: change.value ?? value, refreshToken: change.refreshToken ?? refreshToken,
            clientSecret: change.clientSecret ?? clientSecret)
    }
}
