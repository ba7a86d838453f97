internal import ArgumentParser
internal import Wire

/// List sessions, newest first.
struct SessionsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List sessions, newest first.")

    @Option(name: .long, help: ArgumentHelp("At most this many, newest first.", valueName: "n"))
    var limit: Int?

    @Flag(name: .long, help: "Archived ones too.")
    var archived = false

    @Option(name: .long, help: ArgumentHelp("Only in this status. May be repeated.", valueName: "status"))
    var status: [String] = []

    @Option(name: .long, help: ArgumentHelp("Only of this agent.", valueName: "id"))
    var agent: String?

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        var query = status.map { (name: "statuses[]", value: $0) }
        if archived { query.append((name: "include_archived", value: "true")) }
        if let agent { query.append((name: "agent_id", value: agent)) }
        let filters = query
        let sessions = try await client.withClient { try await $0.list("/v1/sessions", query: filters, limit: limit) }
        let now = SystemWallClock().now()
        Printer(isJSON: client.json).many(
            sessions, table: Table("ID", "STATUS", "AGENT", "TOKENS", "AGE", "TITLE"), none: "no sessions"
        ) { table, session in
            let usage = session["usage"]
            let tokens = (usage?["input_tokens"]?.intValue ?? 0) + (usage?["output_tokens"]?.intValue ?? 0)
            table.add(
                session["id"]?.stringValue ?? "-", session["status"]?.stringValue ?? "-",
                session["agent"]?["name"]?.stringValue ?? "-", String(tokens),
                Age.text(session["created_at"]?.stringValue, now: now), session["title"]?.stringValue ?? "-")
        }
    }
}
