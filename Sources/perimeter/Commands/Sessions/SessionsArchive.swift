internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// End a session; its history stays readable.
struct SessionsArchive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "End a session; its history stays readable.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/sessions/\(try PathSegment.id(id))/archive"
        let session = try await client.withClient { try await $0.call(.POST, path) }
        Printer(isJSON: client.json).done(session, "archived \(id)")
    }
}
