internal import ArgumentParser
internal import Wire

/// List the versions of an agent.
struct AgentsVersions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "versions", abstract: "List the versions of an agent.")

    @Argument(help: ArgumentHelp("Agent.", valueName: "id"))
    var id: String

    @Option(name: .long, help: ArgumentHelp("At most this many, newest first.", valueName: "n"))
    var limit: Int?

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/agents/\(try PathSegment.id(id))/versions"
        let versions = try await client.withClient { try await $0.list(path, limit: limit) }
        let now = SystemWallClock().now()
        Printer(isJSON: client.json).many(
            versions, table: Table("VERSION", "MODEL", "AGE", "NAME", "SYSTEM"), none: "no versions"
        ) { table, agent in
            table.add(
                agent["version"]?.intValue.map(String.init) ?? "-", agent["model"]?["id"]?.stringValue ?? "-",
                Age.text(agent["updated_at"]?.stringValue, now: now), agent["name"]?.stringValue ?? "-",
                agent["system"]?.stringValue ?? "-")
        }
    }
}
