internal import Store
internal import Wire

/// The secret of a claimed item (self-hosted-sandboxes §1.4): a token for its session, and what our worker needs to know.
enum WorkToken {
    static let prefix = "sk-ant-req-"

    static func make() -> KeySecret { KeySecret.make(prefix: prefix) }

    /// URL-safe base64 of the JSON that workers read. Members beside `sessions_token` are ours; others ignore them.
    static func secret(_ token: KeySecret, for claim: WorkClaim) -> String {
        let payload: JSON = [
            "sessions_token": .string(token.reveal()), "environment": claim.environment["config"] ?? .null,
            "sandbox": SandboxPreferences.members(of: claim.environment["metadata"]),
            "has_vaults": .bool(claim.hasVaults),
            "snapshot": JSON(claim.snapshot?.rawValue),
            "interrupted_calls": .array(claim.interruptedCalls.map(JSON.string)),
        ]
        return Base64.encodeURLSafe(payload.bytes)
    }
}
