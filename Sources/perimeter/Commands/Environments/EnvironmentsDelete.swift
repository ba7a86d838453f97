internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Delete an environment that no session uses.
struct EnvironmentsDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete an environment that no session uses.")

    @Argument(help: ArgumentHelp("Environment.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/environments/\(try PathSegment.id(id))"
        let answer = try await client.withClient { try await $0.call(.DELETE, path) }
        Printer(isJSON: client.json).done(answer, "deleted \(id)")
    }
}
