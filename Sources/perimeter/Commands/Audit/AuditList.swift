internal import ArgumentParser
internal import Wire

/// The latest lines of the audit chain.
struct AuditList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List what was done, the latest first.")

    @Option(name: .long, help: ArgumentHelp("At most this many.", valueName: "n"))
    var limit = 50

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let lines = try await client.withClient {
            try await $0.list("/v1/organizations/audit", limit: limit, pageSize: 500)
        }
        let entries = lines.compactMap { $0["line"]?.stringValue.flatMap { try? JSON(parsing: Array($0.utf8)) } }
        Printer(isJSON: client.json).many(
            entries, table: Table("NUMBER", "TIME", "WHO", "ACTION", "WHAT", "DETAILS"), none: "nothing was done"
        ) { table, entry in
            let actor = entry["actor"]
            table.add(
                "\(entry["seq"]?.intValue ?? 0)", entry["at"]?.stringValue ?? "-",
                actor?["id"]?.stringValue ?? actor?["type"]?.stringValue ?? "-", entry["action"]?.stringValue ?? "-",
                entry["subject"]?.stringValue ?? "-", entry["details"]?.text ?? "-")
        }
    }
}
