import Testing
import Wire

@Suite struct AgentRequestTests {
    private let request = AgentRequest(models: ModelCatalogue { $0.hasPrefix("claude-") ? "high" : nil })

    private func created(_ more: JSON.Object = [:]) throws -> JSON {
        var body: JSON.Object = ["name": "a", "model": "claude-x"]
        for member in more.members { body[member.key] = member.value }
        return try request.create(.object(body))
    }

    @Test func `a model id alone gives a complete agent`() throws {
        let agent = try created()
        #expect(
            agent["model"] == [
                "id": "claude-x", "effort": ["type": "high"], "inference_geo": .null, "speed": "standard",
            ])
        for key in ["tools", "mcp_servers", "skills"] { #expect(agent[key] == []) }
        for key in ["description", "system", "multiagent"] { #expect(agent[key] == .null) }
        #expect(agent["execution_identity"] == ["type": "service_account"])
    }

    @Test func `toolsets are written out in full`() throws {
        let agent = try created([
            "mcp_servers": [["type": "url", "name": "m", "url": "https://m.example"]],
            "tools": [
                [
                    "type": "agent_toolset_20260401", "default_config": ["permission_policy": ["type": "always_ask"]],
                    "configs": [
                        ["name": "bash", "enabled": false], ["name": "read", "permission_policy": ["type": "auto"]],
                    ],
                ],
                ["type": "mcp_toolset", "mcp_server_name": "m", "configs": [["name": "look"]]],
                ["type": "custom", "name": "c", "description": "d", "input_schema": ["type": "object"]],
            ],
        ])
        let tools = try #require(agent["tools"]?.arrayValue)
        #expect(tools[0]["default_config"] == ["enabled": true, "permission_policy": ["type": "always_ask"]])
        #expect(
            tools[0]["configs"]?.arrayValue?[0]
                == ["type": "bash", "name": "bash", "enabled": false, "permission_policy": ["type": "always_ask"]])
        #expect(tools[0]["configs"]?.arrayValue?[1]["permission_policy"] == ["type": "auto"])
        #expect(tools[1]["default_config"] == ["enabled": true, "permission_policy": ["type": "always_ask"]])
        #expect(tools[1]["configs"]?.arrayValue?[0]["type"] == nil)
    }

    @Test(
        arguments: [
            (["name": .null], "name"), (["model": "gpt"], "model"), (["nope": 1], "nope"), (["system": 1], "system"),
            (["tools": [["type": "later"]]], "tools[0].type"),
            (
                ["tools": [["type": "custom", "name": "a b", "description": "d", "input_schema": ["type": "object"]]]],
                "tools[0].name"
            ),
            (
                ["tools": [["type": "custom", "name": "a", "description": "d", "input_schema": ["type": "array"]]]],
                "tools[0].input_schema"
            ),
            (["tools": [["type": "agent_toolset_20260401"], ["type": "agent_toolset_20260401"]]], "tools[1]"),
            (["tools": [["type": "mcp_toolset", "mcp_server_name": "x"]]], "tools"),
            (["mcp_servers": [["type": "url", "name": "m", "url": "https://m.example"]]], "mcp_servers"),
            (["mcp_servers": [["type": "url", "name": "m", "url": "ftp://m"]]], "mcp_servers[0].url"),
            (["skills": [["type": "custom", "skill_id": "s"]]], "skills"),
            (["multiagent": ["type": "coordinator"]], "multiagent"),
            (
                [
                    "tools": [
                        [
                            "type": "agent_toolset_20260401",
                            "configs": [["name": "web_fetch", "allowed_domains": ["a.b"], "blocked_domains": ["c.d"]]],
                        ]
                    ]
                ], "tools[0].configs[0]"
            ),
        ] as [(JSON.Object, String)])
    func `a wrong member is refused by its name`(more: JSON.Object, name: String) {
        let error = #expect(throws: WireError.self) { try created(more) }
        #expect(error?.status == 400)
        #expect(error?.message.hasPrefix(name) == true, "\(error?.message ?? "")")
    }

    @Test func `updates keep, clear, replace and merge`() throws {
        var agent = AgentRequest.object(
            try created(["system": "s", "metadata": ["a": "1"], "model": ["id": "claude-x", "effort": "low"]]),
            id: try #require(AgentID("agent_1")), at: Timestamp(microseconds: 0))
        #expect(try request.update(agent, with: ["name": "a", "version": 1]) == nil)
        agent = try #require(
            try request.update(agent, with: ["system": "", "metadata": ["b": "2"], "model": "claude-x"]))
        #expect(agent["system"] == .null)
        #expect(agent["metadata"] == ["a": "1", "b": "2"])
        #expect(agent["model"]?["effort"] == ["type": "low"])
        agent = try #require(try request.update(agent, with: ["model": "claude-y"]))
        #expect(agent["model"]?["effort"] == ["type": "high"])
        let stale = #expect(throws: WireError.self) { try request.update(agent, with: ["version": 7]) }
        #expect(stale?.status == 409)
        #expect(stale?.shouldRetry == false)
        agent["archived_at"] = "2026-01-01T00:00:00.000000Z"
        #expect(throws: WireError.self) { try request.update(agent, with: ["name": "b"]) }
    }
}
