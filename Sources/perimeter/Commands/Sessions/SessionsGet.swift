internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Show a session.
struct SessionsGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "get", abstract: "Show a session.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/sessions/\(try PathSegment.id(id))"
        let session = try await client.withClient { try await $0.call(.GET, path) }
        Printer(isJSON: client.json).one(session)
    }
}
