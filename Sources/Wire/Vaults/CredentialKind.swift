/// The kinds of credentials (reference api-core §6.1).
public enum CredentialKind: String, Sendable {
    /// A token for an MCP server.
    case staticBearer = "static_bearer"
    /// An access token for an MCP server that can be refreshed.
    case mcpOAuth = "mcp_oauth"
    /// A secret that programs in a sandbox see as a placeholder.
    case environmentVariable = "environment_variable"
}
