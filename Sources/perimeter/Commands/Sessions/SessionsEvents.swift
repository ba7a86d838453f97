internal import ArgumentParser
internal import Wire

/// Show the log of a session.
struct SessionsEvents: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "events", abstract: "Show the log of a session.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Option(name: .long, help: ArgumentHelp("Only events of this type. May be repeated.", valueName: "type"))
    var type: [String] = []

    @Option(name: .long, help: ArgumentHelp("At most this many, oldest first.", valueName: "n"))
    var limit: Int?

    @Option(name: .long, help: ArgumentHelp("Show at most this many lines of each tool result.", valueName: "n"))
    var lines = 12

    func validate() throws {
        guard lines > 0 else { throw ValidationError("--lines must be positive") }
    }

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/sessions/\(try PathSegment.id(id))/events"
        let query = type.map { (name: "types[]", value: $0) }
        let events = try await client.withClient {
            try await $0.list(path, query: query, limit: limit, pageSize: 1000)
        }
        var printer = EventPrinter(isJSON: client.json, outputLines: lines)
        for event in events { printer.show(event) }
    }
}
