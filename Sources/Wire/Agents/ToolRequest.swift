/// Checks `tools` of an agent and writes every toolset out in full (reference api-core §1.1–1.3).
enum ToolRequest {
    private static let limit = 256

    static func resolve(_ json: JSON?) throws(WireError) -> JSON {
        guard let json else { return [] }
        guard let items = json.arrayValue else { throw .invalid("tools: expected an array, got \(json.kindName)") }
        guard items.count <= limit else { throw .invalid("tools: at most \(limit) tools are allowed") }
        var tools: [JSON] = []
        var names = Set<String>()
        var hasToolset = false
        for (index, item) in items.enumerated() {
            let path = "tools[\(index)]"
            switch item["type"]?.stringValue {
            case "agent_toolset_20260401":
                guard !hasToolset else { throw .invalid("\(path): only one agent_toolset_20260401 is allowed") }
                hasToolset = true
                tools.append(try agentToolset(item, path))
            case "mcp_toolset":
                tools.append(try mcpToolset(item, path))
            case "custom":
                let tool = try custom(item, path)
                let name = tool["name"]?.stringValue ?? ""
                guard names.insert(name).inserted else { throw .invalid("\(path).name: '\(name)' is used twice") }
                guard
                    BuiltinTool(rawValue: name) == nil
                        || !items.contains(where: { $0["type"] == "agent_toolset_20260401" })
                else { throw .invalid("\(path).name: '\(name)' is a tool of agent_toolset_20260401") }
                tools.append(tool)
            case let type?:
                throw .invalid("\(path).type: unknown tool type '\(type.prefix(64))'")
            case nil:
                throw .invalid("\(path).type: field required")
            }
        }
        return .array(tools)
    }

    private static func agentToolset(_ json: JSON, _ path: String) throws(WireError) -> JSON {
        var reader = try ObjectReader(json, path: path)
        _ = reader.raw("type")
        let standard = try setting(
            reader.field("default_config").orNil, "\(path).default_config", enabled: true, policy: .alwaysAllow)
        var configs: [JSON] = []
        var seen = Set<BuiltinTool>()
        for (index, item) in (try reader.optionalArray("configs", count: 0...64).orNil ?? []).enumerated() {
            let path = "\(path).configs[\(index)]"
            var config = try ObjectReader(item, path: path)
            let name = try config.string("name")
            guard let tool = BuiltinTool(rawValue: name) else {
                throw .invalid("\(path).name: '\(name.prefix(64))' is no tool of agent_toolset_20260401")
            }
            guard seen.insert(tool).inserted else { throw .invalid("\(path).name: '\(name)' is configured twice") }
            if let type = try config.optionalString("type").orNil, type != name {
                throw .invalid("\(path).type: must be '\(name)'")
            }
            var resolved: JSON = ["type": .string(name), "name": .string(name)]
            try apply(&config, to: &resolved, path, standard)
            if tool == .webFetch || tool == .webSearch { try WebToolRequest.apply(&config, to: &resolved, tool, path) }
            try config.finish()
            configs.append(resolved)
        }
        try reader.finish()
        return ["type": "agent_toolset_20260401", "default_config": standard, "configs": .array(configs)]
    }

    private static func mcpToolset(_ json: JSON, _ path: String) throws(WireError) -> JSON {
        var reader = try ObjectReader(json, path: path)
        _ = reader.raw("type")
        let server = try reader.string("mcp_server_name", length: 1...255)
        let standard = try setting(
            reader.field("default_config").orNil, "\(path).default_config", enabled: true, policy: .alwaysAsk)
        var configs: [JSON] = []
        var seen = Set<String>()
        for (index, item) in (try reader.optionalArray("configs", count: 0...limit).orNil ?? []).enumerated() {
            let path = "\(path).configs[\(index)]"
            var config = try ObjectReader(item, path: path)
            let name = try config.string("name", length: 1...128)
            guard seen.insert(name).inserted else { throw .invalid("\(path).name: '\(name)' is configured twice") }
            var resolved: JSON = ["name": .string(name)]
            try apply(&config, to: &resolved, path, standard)
            try config.finish()
            configs.append(resolved)
        }
        try reader.finish()
        return [
            "type": "mcp_toolset", "mcp_server_name": .string(server), "default_config": standard,
            "configs": .array(configs),
        ]
    }

    private static func custom(_ json: JSON, _ path: String) throws(WireError) -> JSON {
        var reader = try ObjectReader(json, path: path)
        _ = reader.raw("type")
        let name = try reader.string("name", length: 1...128)
        guard
            name.utf8.allSatisfy({ byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            })
        else { throw .invalid("\(path).name: only letters, digits, '_' and '-' are allowed") }
        let description = try reader.string("description", length: 1...1024)
        let schema = try reader.required("input_schema")
        guard schema["type"] == "object" else { throw .invalid("\(path).input_schema.type: must be 'object'") }
        try reader.finish()
        return [
            "type": "custom", "name": .string(name), "description": .string(description), "input_schema": schema,
        ]
    }

    /// A `default_config` with its gaps filled.
    private static func setting(
        _ json: JSON?, _ path: String, enabled: Bool, policy: PermissionPolicy
    ) throws(WireError) -> JSON {
        let base: JSON = ["enabled": JSON(enabled), "permission_policy": policy.json]
        guard let json else { return base }
        var reader = try ObjectReader(json, path: path)
        var resolved: JSON = [:]
        try apply(&reader, to: &resolved, path, base)
        try reader.finish()
        return resolved
    }

    /// Reads `enabled` and `permission_policy`, falling back to `standard`.
    private static func apply(
        _ reader: inout ObjectReader, to resolved: inout JSON, _ path: String, _ standard: JSON
    ) throws(WireError) {
        resolved["enabled"] = try reader.optionalBool("enabled").orNil.map { .bool($0) } ?? standard["enabled"]
        guard let policy = reader.field("permission_policy").orNil else {
            resolved["permission_policy"] = standard["permission_policy"]
            return
        }
        var member = try ObjectReader(policy, path: "\(path).permission_policy")
        guard let known = PermissionPolicy(rawValue: try member.string("type")) else {
            throw .invalid("\(path).permission_policy.type: must be always_allow, always_ask or auto")
        }
        try member.finish()
        resolved["permission_policy"] = known.json
    }
}
