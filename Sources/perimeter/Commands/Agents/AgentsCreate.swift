internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Create an agent.
struct AgentsCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Create an agent.")

    @OptionGroup(title: "Agent") var fields: AgentFields

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let body = try fields.body(tools: AgentToolset.json(asks: false))
        let agent = try await client.withClient { try await $0.call(.POST, "/v1/agents", body: body) }
        Printer(isJSON: client.json).done(agent, "created \(agent["id"]?.stringValue ?? "?")")
    }
}
