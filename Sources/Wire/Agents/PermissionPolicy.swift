/// Who decides about a tool call (reference api-core §1.3).
public enum PermissionPolicy: String, Sendable, CaseIterable {
    case alwaysAllow = "always_allow"
    case alwaysAsk = "always_ask"
    case auto

    public var json: JSON { ["type": .string(rawValue)] }
}
