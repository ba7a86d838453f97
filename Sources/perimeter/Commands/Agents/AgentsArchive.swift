internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Archive an agent; cannot be undone.
struct AgentsArchive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Archive an agent; cannot be undone.")

    @Argument(help: ArgumentHelp("Agent.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/agents/\(try PathSegment.id(id))/archive"
        let agent = try await client.withClient { try await $0.call(.POST, path) }
        Printer(isJSON: client.json).done(agent, "archived \(id)")
    }
}
