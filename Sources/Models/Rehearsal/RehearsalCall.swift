internal import Wire

/// A tool call in a rehearsal plan.
struct RehearsalCall: Equatable {
    enum Target: Equatable {
        case tool(String)
        case mcp(server: String, tool: String)
    }

    var target: Target
    /// JSON text, sent as it stands: text that is no JSON object rehearses a model that botches its input.
    var input: String

    init(_ name: String, _ input: JSON) {
        target = .tool(name)
        self.input = input.text
    }

    init(target: Target, input: String) {
        self.target = target
        self.input = input
    }

    /// The name to call, given the request's tool definitions. An MCP tool has the name under which the orchestrator
    /// offers it; tools that are not offered are called all the same, as a confused model would.
    func name(among tools: [JSON]) -> String {
        switch target {
        case .tool(let name): return name
        case .mcp(let server, let tool):
            let offered = Set(tools.compactMap { $0["name"]?.stringValue })
            let usual = "mcp__\(server)__\(tool)"
            let names = [
                usual, "\(server)__\(tool)", "\(server).\(tool)", "\(server)_\(tool)", "\(server)-\(tool)", tool,
            ]
            return names.first(where: offered.contains) ?? usual
        }
    }
}
