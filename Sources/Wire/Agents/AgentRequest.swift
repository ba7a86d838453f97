/// Checks the bodies that create and update agents and resolves them into stored form (reference api-core §1).
///
/// A stored agent is complete: every toolset, policy and model setting is written out, so whoever reads it needs no defaults.
public struct AgentRequest: Sendable {
    /// The members that a session keeps of its agent, in the order in which they are sent.
    private static let members = [
        "name", "description", "model", "system", "tools", "mcp_servers", "skills", "metadata", "multiagent",
        "execution_identity",
    ]

    private let models: ModelCatalogue

    public init(models: ModelCatalogue) { self.models = models }

    /// The members of a new agent, without id, version and times.
    /// - Throws: ``WireError`` 400 naming the member.
    public func create(_ body: JSON) throws(WireError) -> JSON {
        var reader = try ObjectReader(body)
        var agent: JSON = [:]
        agent["name"] = .string(try reader.string("name", length: 1...256))
        agent["description"] = try Self.text(&reader, "description", limit: 2048).orNil.map(JSON.string) ?? .null
        agent["model"] = try models.resolve(try reader.required("model"), path: "model")
        agent["system"] = try Self.text(&reader, "system", limit: 100_000).orNil.map(JSON.string) ?? .null
        agent["tools"] = try ToolRequest.resolve(reader.field("tools").orNil)
        agent["mcp_servers"] = try MCPServerRequest.resolve(reader.field("mcp_servers").orNil)
        agent["skills"] = try SkillRequest.resolve(reader.field("skills").orNil)
        agent["metadata"] = try Metadata.create(reader.raw("metadata"))
        agent["multiagent"] = .null
        agent["execution_identity"] = ["type": "service_account"]
        try Self.checkUnsupported(&reader)
        try reader.finish()
        try Self.crossCheck(agent)
        return agent
    }

    /// The agent after an update; nil when nothing changes.
    /// - Throws: ``WireError`` 400 naming the member; 409 when `version` is not the present one, also for a no-op.
    public func update(_ current: JSON, with body: JSON) throws(WireError) -> JSON? {
        var reader = try ObjectReader(body)
        if let version = try reader.optionalInt("version", range: 1...Int(Int32.max)).orNil,
            version != current["version"]?.intValue
        {
            throw .conflict(
                "the agent has version \(current["version"]?.intValue ?? 0), not \(version): read it and try again")
        }
        guard current["archived_at"]?.isNull ?? true else {
            throw .invalid("agent \(current["id"]?.stringValue ?? "") is archived and cannot be changed")
        }
        var agent = current
        switch try reader.optionalString("name", length: 1...256) {
        case .absent: break
        case .null: throw .invalid("name: cannot be cleared")
        case .value(let name): agent["name"] = .string(name)
        }
        for (key, limit) in [("description", 2048), ("system", 100_000)] {
            let text = try Self.text(&reader, key, limit: limit)
            if !text.isAbsent { agent[key] = text.orNil.map(JSON.string) ?? .null }
        }
        switch reader.field("model") {
        case .absent: break
        case .null: throw .invalid("model: cannot be cleared", code: "agent_model_required")
        case .value(let model):
            agent["model"] = try models.resolve(model, path: "model", keeping: current["model"])
        }
        let tools = reader.field("tools")
        if !tools.isAbsent { agent["tools"] = try ToolRequest.resolve(tools.orNil) }
        let servers = reader.field("mcp_servers")
        if !servers.isAbsent { agent["mcp_servers"] = try MCPServerRequest.resolve(servers.orNil) }
        let skills = reader.field("skills")
        if !skills.isAbsent { agent["skills"] = try SkillRequest.resolve(skills.orNil) }
        agent["metadata"] = try Metadata.apply(
            reader.raw("metadata"), to: current["metadata"] ?? [:], emptyDeletes: false)
        try Self.checkUnsupported(&reader)
        try reader.finish()
        try Self.crossCheck(agent)
        return agent == current ? nil : agent
    }

    /// The whole object around the members of a new agent.
    public static func object(_ members: JSON, id: AgentID, at now: Timestamp) -> JSON {
        var agent: JSON = ["type": "agent", "id": .string(id.rawValue), "version": 1]
        for key in Self.members { agent[key] = members[key] ?? .null }
        agent["created_at"] = JSON(now)
        agent["updated_at"] = JSON(now)
        agent["archived_at"] = .null
        return agent
    }

    /// The snapshot of an agent that a session pins.
    public static func snapshot(_ agent: JSON) -> JSON {
        var snapshot = agent
        for key in ["metadata", "created_at", "updated_at", "archived_at"] { snapshot[key] = nil }
        return snapshot
    }

    /// An empty text clears a nullable text member.
    private static func text(
        _ reader: inout ObjectReader, _ key: String, limit: Int
    ) throws(WireError) -> Field<String> {
        switch try reader.optionalString(key, length: 0...limit) {
        case .absent: .absent
        case .null, .value(""): .null
        case .value(let text): .value(text)
        }
    }

    /// Members of the public API that this server does not serve yet are refused, never ignored.
    private static func checkUnsupported(_ reader: inout ObjectReader) throws(WireError) {
        if case .value = reader.field("multiagent") {
            throw .invalid("multiagent: not supported by this server; leave it out")
        }
        if case .value(let identity) = reader.field("execution_identity") {
            guard identity["type"] == "service_account" else {
                throw .invalid("execution_identity: only {\"type\": \"service_account\"} is supported by this server")
            }
        }
    }

    /// Rules between members: servers and their toolsets, skills and the `read` tool.
    private static func crossCheck(_ agent: JSON) throws(WireError) {
        let tools = agent["tools"]?.arrayValue ?? []
        let servers = (agent["mcp_servers"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        let toolsets = tools.filter { $0["type"] == "mcp_toolset" }.compactMap { $0["mcp_server_name"]?.stringValue }
        for server in servers where toolsets.filter({ $0 == server }).count != 1 {
            throw .invalid("mcp_servers: '\(server)' needs exactly one mcp_toolset in tools")
        }
        for toolset in toolsets where !servers.contains(toolset) {
            throw .invalid("tools: mcp_toolset names '\(toolset)', which is not in mcp_servers")
        }
        if !(agent["skills"]?.arrayValue ?? []).isEmpty {
            let toolset = tools.first { $0["type"] == "agent_toolset_20260401" }.map(ToolsetPolicy.init)
            guard toolset?.isEnabled(.read) ?? false else {
                throw .invalid("skills: skills need the read tool of agent_toolset_20260401 to be enabled")
            }
        }
    }
}
