internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Show an environment.
struct EnvironmentsGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "get", abstract: "Show an environment.")

    @Argument(help: ArgumentHelp("Environment.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/environments/\(try PathSegment.id(id))"
        let environment = try await client.withClient { try await $0.call(.GET, path) }
        Printer(isJSON: client.json).one(environment)
    }
}
