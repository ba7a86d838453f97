internal import ArgumentParser
internal import Wire

/// List vaults, newest first.
struct VaultsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List vaults, newest first.")

    @Option(name: .long, help: ArgumentHelp("At most this many, newest first.", valueName: "n"))
    var limit: Int?

    @Flag(name: .long, help: "Archived ones too.")
    var archived = false

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let query = archived ? [(name: "include_archived", value: "true")] : []
        let items = try await client.withClient { try await $0.list("/v1/vaults", query: query, limit: limit) }
        let now = SystemWallClock().now()
        Printer(isJSON: client.json).many(items, table: Table("ID", "AGE", "NAME"), none: "no vaults") { table, item in
            table.add(
                item["id"]?.stringValue ?? "-", Age.text(item["created_at"]?.stringValue, now: now),
                (item["display_name"]?.stringValue ?? "-")
                    + (item["archived_at"]?.stringValue == nil ? "" : " (archived)"))
        }
    }
}
