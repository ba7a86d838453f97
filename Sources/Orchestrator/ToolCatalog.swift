internal import Wire

/// The tools an agent may use in its environment: what the model is shown, and what happens when it calls one. Pure.
struct ToolCatalog {
    enum Judgement {
        case custom
        /// `permission` as in `evaluated_permission`; no evaluation for tools that are not enabled.
        case builtin(permission: String, evaluation: JSON?)
    }

    let definition: AgentDefinition
    let environment: EnvironmentType

    /// Definitions for the model, in a fixed order, so that the prompt's prefix stays cacheable.
    var definitions: [JSON] {
        let builtin = BuiltinTool.allCases.filter(offers).map { tool -> JSON in
            [
                "name": .string(tool.rawValue), "description": .string(tool.description),
                "input_schema": tool.inputSchema,
            ]
        }
        let custom = definition.customTools.map { tool -> JSON in
            [
                "name": .string(tool.name), "description": .string(tool.description), "input_schema": tool.inputSchema,
            ]
        }
        return builtin + custom
    }

    /// `web_search` needs a search provider, which this server does not have; `web_fetch` runs in our own workers' sandboxes
    /// only, since other workers leave it unanswered (self-hosted-sandboxes §5.1).
    private func offers(_ tool: BuiltinTool) -> Bool {
        guard definition.toolset?.isEnabled(tool) == true else { return false }
        return switch tool {
        case .webSearch: false
        case .webFetch: environment == .cloud
        default: true
        }
    }

    func judge(_ name: String, input: JSON) -> Judgement {
        if definition.customTools.contains(where: { $0.name == name }) { return .custom }
        guard let tool = BuiltinTool(rawValue: name), offers(tool), let toolset = definition.toolset else {
            return .builtin(permission: "deny", evaluation: nil)
        }
        switch toolset.permission(tool) {
        case .alwaysAllow: return .builtin(permission: "allow", evaluation: ["type": "always_allow"])
        case .alwaysAsk: return .builtin(permission: "ask", evaluation: ["type": "always_ask"])
        case .auto:
            let verdict = AutoPermission.judge(tool, input: input)
            return .builtin(
                permission: verdict.permission,
                evaluation: ["type": "auto", "evaluated_permission": verdict.json])
        }
    }
}
