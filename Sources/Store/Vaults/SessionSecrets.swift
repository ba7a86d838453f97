internal import Crypto
public import Wire

/// What the worker of a session puts in the place of placeholders.
public struct SessionSecrets: Sendable {
    public struct Entry: Sendable {
        /// The environment variable that holds the placeholder.
        public var variable: String
        public var placeholder: String
        public var value: Secret
        public var vaultID: VaultID
        public var credentialID: CredentialID
        /// The `networking` and `injection_location` of the credential.
        public var networking: JSON
        public var location: JSON
    }
    /// Changes with every change of what the session may use.
    public var revision: String
    public var entries: [Entry]

    /// The credentials that count: of those for one variable the one in the session's earlier vault.
    static func chosen(from credentials: [CredentialRecord], vaults: [VaultID]) -> [CredentialRecord] {
        var chosen: [CredentialKey: CredentialRecord] = [:]
        for vault in vaults {
            for credential in credentials where credential.vaultID == vault && chosen[credential.key] == nil {
                chosen[credential.key] = credential
            }
        }
        return chosen.values.filter { $0.kind == .environmentVariable }.sorted { $0.key.rawValue < $1.key.rawValue }
    }

    static func revision(of credentials: [CredentialRecord]) -> String {
        let text = credentials.map { "\($0.id) \($0.revision)" }.joined(separator: "\n")
        return Base64.encodeURLSafe(Array(SHA256.hash(data: Array(text.utf8)).prefix(12)))
    }
}

extension SessionSecrets {
    /// The answer to the worker, the only one that holds secrets.
    public var json: JSON {
        [
            "type": "session_secrets", "revision": .string(revision),
            "secrets": .array(
                entries.map { entry in
                    [
                        "variable": .string(entry.variable), "placeholder": .string(entry.placeholder),
                        "value": .string(entry.value.reveal()), "vault_id": .string(entry.vaultID.rawValue),
                        "credential_id": .string(entry.credentialID.rawValue), "networking": entry.networking,
                        "injection_location": entry.location,
                    ]
                }),
        ]
    }
}
