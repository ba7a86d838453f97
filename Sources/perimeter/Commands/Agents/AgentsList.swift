internal import ArgumentParser
internal import Wire

/// List agents, newest first.
struct AgentsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List agents, newest first.")

    @Option(name: .long, help: ArgumentHelp("At most this many, newest first.", valueName: "n"))
    var limit: Int?

    @Flag(name: .long, help: "Archived ones too.")
    var archived = false

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let query = archived ? [(name: "include_archived", value: "true")] : []
        let agents = try await client.withClient { try await $0.list("/v1/agents", query: query, limit: limit) }
        let now = SystemWallClock().now()
        Printer(isJSON: client.json).many(
            agents, table: Table("ID", "VERSION", "MODEL", "AGE", "NAME"), none: "no agents"
        ) { table, agent in
            table.add(
                agent["id"]?.stringValue ?? "-", agent["version"]?.intValue.map(String.init) ?? "-",
                agent["model"]?["id"]?.stringValue ?? "-", Age.text(agent["created_at"]?.stringValue, now: now),
                (agent["name"]?.stringValue ?? "-") + (agent["archived_at"]?.stringValue == nil ? "" : " (archived)"))
        }
    }
}
