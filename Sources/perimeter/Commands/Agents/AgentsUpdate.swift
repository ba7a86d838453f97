internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Change an agent; makes a new version.
struct AgentsUpdate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Change an agent; makes a new version.")

    @Argument(help: ArgumentHelp("Agent.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Agent") var fields: AgentFields

    @Option(name: .long, help: ArgumentHelp("Refuse when the newest version is another one.", valueName: "n"))
    var ifVersion: Int?

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        var body = try fields.body(tools: nil)
        if let ifVersion { body["version"] = JSON(ifVersion) }
        let path = "/v1/agents/\(try PathSegment.id(id))"
        let request = body
        let agent = try await client.withClient { try await $0.call(.POST, path, body: request) }
        let version = agent["version"]?.intValue ?? 0
        Printer(isJSON: client.json).done(agent, "\(agent["id"]?.stringValue ?? "?") is at version \(version)")
    }
}
