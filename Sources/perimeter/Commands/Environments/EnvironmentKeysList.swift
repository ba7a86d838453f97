internal import ArgumentParser
internal import Wire

/// List the keys of an environment.
struct EnvironmentKeysList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the keys of an environment.")

    @Argument(help: ArgumentHelp("Environment.", valueName: "id"))
    var id: String

    @Option(name: .long, help: ArgumentHelp("At most this many, newest first.", valueName: "n"))
    var limit: Int?

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/environments/\(try PathSegment.id(id))/keys"
        let keys = try await client.withClient { try await $0.list(path, limit: limit) }
        KeyPrinter.list(keys, isJSON: client.json)
    }
}
