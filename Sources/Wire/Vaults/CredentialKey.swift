/// What a credential is for: unique among the active credentials of a vault (reference api-core §6.2).
public struct CredentialKey: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    /// Credentials of every MCP kind share one space, whose elements are normalised addresses.
    public static func server(_ url: ServerURL) -> CredentialKey { CredentialKey(rawValue: "url:\(url.normalized)") }
    public static func variable(_ name: String) -> CredentialKey { CredentialKey(rawValue: "env:\(name)") }

    /// Reads what this program stored; nil for anything else.
    package init?(stored text: String) {
        guard text.hasPrefix("url:") || text.hasPrefix("env:") else { return nil }
        rawValue = text
    }

    private init(rawValue: String) { self.rawValue = rawValue }

    public var description: String { rawValue }
}
