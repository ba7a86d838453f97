internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Show an agent.
struct AgentsGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "get", abstract: "Show an agent.")

    @Argument(help: ArgumentHelp("Agent.", valueName: "id"))
    var id: String

    @Option(name: .long, help: ArgumentHelp("This version instead of the newest.", valueName: "n"))
    var version: Int?

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let query = version.map { [(name: "version", value: String($0))] } ?? []
        let path = "/v1/agents/\(try PathSegment.id(id))"
        let agent = try await client.withClient { try await $0.call(.GET, path, query: query) }
        Printer(isJSON: client.json).one(agent)
    }
}
