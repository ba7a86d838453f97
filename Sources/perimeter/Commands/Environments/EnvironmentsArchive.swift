internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Archive an environment; cannot be undone.
struct EnvironmentsArchive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Archive an environment; cannot be undone.")

    @Argument(help: ArgumentHelp("Environment.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/environments/\(try PathSegment.id(id))/archive"
        let environment = try await client.withClient { try await $0.call(.POST, path) }
        Printer(isJSON: client.json).done(environment, "archived \(id)")
    }
}
