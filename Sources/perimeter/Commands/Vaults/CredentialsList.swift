internal import ArgumentParser
internal import Wire

/// List the credentials of a vault, newest first.
struct CredentialsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the credentials of a vault, newest first.")

    @Argument(help: ArgumentHelp("Vault.", valueName: "id"))
    var vault: String

    @Flag(name: .long, help: "Archived ones too.")
    var archived = false

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/vaults/\(try PathSegment.id(vault))/credentials"
        let query = archived ? [(name: "include_archived", value: "true")] : []
        let items = try await client.withClient { try await $0.list(path, query: query) }
        let now = SystemWallClock().now()
        Printer(isJSON: client.json).many(
            items, table: Table("ID", "TYPE", "FOR", "AGE", "NAME"), none: "no credentials"
        ) { table, item in
            let auth = item["auth"]
            table.add(
                item["id"]?.stringValue ?? "-", auth?["type"]?.stringValue ?? "-",
                auth?["secret_name"]?.stringValue ?? auth?["mcp_server_url"]?.stringValue ?? "-",
                Age.text(item["created_at"]?.stringValue, now: now),
                (item["display_name"]?.stringValue ?? "-")
                    + (item["archived_at"]?.stringValue == nil ? "" : " (archived)"))
        }
    }
}
