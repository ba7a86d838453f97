/// What the loop needs of an agent, read from a stored, fully resolved agent object.
public struct AgentDefinition: Sendable, Equatable {
    public var name: String
    public var system: String?
    public var modelID: String
    public var effort: String?
    /// Nil when the agent has no agent toolset.
    public var toolset: ToolsetPolicy?
    public var customTools: [CustomTool]

    public struct CustomTool: Sendable, Equatable {
        public var name: String
        public var description: String
        public var inputSchema: JSON
    }

    /// - Throws: ``WireError`` when a member that every stored agent has is missing.
    public init(json: JSON) throws(WireError) {
        guard let name = json["name"]?.stringValue, let modelID = json["model"]?["id"]?.stringValue else {
            throw .invalid("agent: the stored object is incomplete")
        }
        self.name = name
        self.modelID = modelID
        system = json["system"]?.stringValue
        effort = json["model"]?["effort"]?["type"]?.stringValue
        let tools = json["tools"]?.arrayValue ?? []
        toolset = tools.first { $0["type"] == "agent_toolset_20260401" }.map(ToolsetPolicy.init)
        customTools = tools.filter { $0["type"] == "custom" }.map { tool in
            CustomTool(
                name: tool["name"]?.stringValue ?? "", description: tool["description"]?.stringValue ?? "",
                inputSchema: tool["input_schema"] ?? ["type": "object"])
        }
    }
}

/// Which built-in tools are on, and who decides about their calls (reference api-core §1.3).
public struct ToolsetPolicy: Sendable, Equatable {
    private struct Setting: Equatable {
        var isEnabled: Bool
        var permission: PermissionPolicy
    }
    private var standard: Setting
    private var settings: [BuiltinTool: Setting] = [:]

    /// Reads a resolved `agent_toolset_20260401` object.
    public init(json: JSON) {
        func setting(_ json: JSON?, _ fallback: Setting) -> Setting {
            Setting(
                isEnabled: json?["enabled"]?.boolValue ?? fallback.isEnabled,
                permission: json?["permission_policy"]?["type"]?.stringValue.flatMap { PermissionPolicy(rawValue: $0) }
                    ?? fallback.permission)
        }
        let standard = setting(json["default_config"], Setting(isEnabled: true, permission: .alwaysAllow))
        self.standard = standard
        for config in json["configs"]?.arrayValue ?? [] {
            guard let tool = config["name"]?.stringValue.flatMap({ BuiltinTool(rawValue: $0) }) else { continue }
            settings[tool] = setting(config, standard)
        }
    }

    public func isEnabled(_ tool: BuiltinTool) -> Bool { (settings[tool] ?? standard).isEnabled }
    public func permission(_ tool: BuiltinTool) -> PermissionPolicy { (settings[tool] ?? standard).permission }
}
