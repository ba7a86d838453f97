internal import Wire

/// The built-in toolset as request objects have it.
enum AgentToolset {
    /// - Parameter asks: every call waits for approval.
    static func json(asks: Bool) -> JSON {
        [
            "type": "agent_toolset_20260401",
            "default_config": ["permission_policy": ["type": asks ? "always_ask" : "always_allow"]],
        ]
    }
}
