internal import NIOHTTP1
internal import Wire

/// Finds or makes what `perimeter run` needs: an agent, an environment and a session.
struct CommandLineSession {
    let client: AdminClient

    static let name = "perimeter-cli"
    /// The variant whose tools all wait for approval is an agent of its own, so that runs do not change each other.
    static let askingName = "perimeter-cli-ask"
    private static let system = """
        You work from a command line. Use your tools to do what the user asks, check your work, and finish with a short \
        summary of what you did.
        """

    /// - Returns: the reference to an agent version, for `sessions.create`.
    func agent(id: String?, model: String?, system: String?, asks: Bool) async throws(CommandError) -> JSON {
        if let id { return .string(id) }
        let name = asks ? Self.askingName : Self.name
        var body: JSON = [
            "name": .string(name), "system": .string(system ?? Self.system),
            "tools": [AgentToolset.json(asks: asks)],
        ]
        if let known = try await client.list("/v1/agents").first(where: { $0["name"]?.stringValue == name }),
            let id = known["id"]?.stringValue
        {
            if let model { body["model"] = .string(model) }
            // An update without effect makes no new version.
            return Self.reference(try await client.call(.POST, "/v1/agents/\(PathSegment.id(id))", body: body))
        }
        let chosen: String
        if let model { chosen = model } else { chosen = try await defaultModel() }
        body["model"] = .string(chosen)
        return Self.reference(try await client.call(.POST, "/v1/agents", body: body))
    }

    /// The rehearsal model where the server has it, else the first one it offers.
    private func defaultModel() async throws(CommandError) -> String {
        let models =
            try await client.call(.GET, "/v1/models")["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
        if let rehearsal = models.first(where: { $0.hasPrefix("rehearsal") }) { return rehearsal }
        guard let first = models.first else {
            throw CommandError(.failure, "the server offers no model", remedy: "name one with --model")
        }
        return first
    }

    func environment(id: String?) async throws(CommandError) -> String {
        if let id { return id }
        let known = try await client.list("/v1/environments").first { environment in
            environment["name"]?.stringValue == Self.name && environment["config"]?["type"]?.stringValue == "cloud"
        }
        if let id = known?["id"]?.stringValue { return id }
        let made = try await client.call(
            .POST, "/v1/environments",
            body: ["name": .string(Self.name), "config": ["type": "cloud", "networking": ["type": "unrestricted"]]])
        guard let id = made["id"]?.stringValue else {
            throw CommandError(.failure, "the server answered an environment without an id")
        }
        return id
    }

    /// - Returns: the new session's id.
    func create(agent: JSON, environment: String, title: String) async throws(CommandError) -> String {
        let session = try await client.call(
            .POST, "/v1/sessions",
            body: ["agent": agent, "environment_id": .string(environment), "title": .string(title)])
        guard let id = session["id"]?.stringValue else {
            throw CommandError(.failure, "the server answered a session without an id")
        }
        return id
    }

    private static func reference(_ agent: JSON) -> JSON {
        var reference: JSON = ["type": "agent", "id": agent["id"] ?? .null]
        if let version = agent["version"] { reference["version"] = version }
        return reference
    }
}
