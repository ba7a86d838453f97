internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Create a key; it is shown once.
struct EnvironmentKeysCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Create a key; it is shown once.")

    @Argument(help: ArgumentHelp("Environment.", valueName: "id"))
    var id: String

    @Option(name: .long, help: ArgumentHelp("Name.", valueName: "text"))
    var name = "worker"

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/environments/\(try PathSegment.id(id))/keys"
        let body: JSON = ["name": .string(name)]
        let key = try await client.withClient { try await $0.call(.POST, path, body: body) }
        KeyPrinter.created(key, isJSON: client.json)
    }
}
