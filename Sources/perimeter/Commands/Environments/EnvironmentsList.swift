internal import ArgumentParser
internal import Wire

/// List environments, newest first.
struct EnvironmentsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List environments, newest first.")

    @Option(name: .long, help: ArgumentHelp("At most this many, newest first.", valueName: "n"))
    var limit: Int?

    @Flag(name: .long, help: "Archived ones too.")
    var archived = false

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let query = archived ? [(name: "include_archived", value: "true")] : []
        let items = try await client.withClient { try await $0.list("/v1/environments", query: query, limit: limit) }
        let now = SystemWallClock().now()
        Printer(isJSON: client.json).many(
            items, table: Table("ID", "TYPE", "NETWORK", "AGE", "NAME"), none: "no environments"
        ) { table, item in
            table.add(
                item["id"]?.stringValue ?? "-", item["config"]?["type"]?.stringValue ?? "-",
                item["config"]?["networking"]?["type"]?.stringValue ?? "-",
                Age.text(item["created_at"]?.stringValue, now: now),
                (item["name"]?.stringValue ?? "-") + (item["archived_at"]?.stringValue == nil ? "" : " (archived)"))
        }
    }
}
