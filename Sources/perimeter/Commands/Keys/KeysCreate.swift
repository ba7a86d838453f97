internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Create an API key; it is shown once.
struct KeysCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create an API key; it is shown once.")

    @Option(name: .long, help: ArgumentHelp("Name.", valueName: "text"))
    var name: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let body: JSON = ["name": .string(name)]
        let key = try await client.withClient { try await $0.call(.POST, "/v1/organizations/api_keys", body: body) }
        KeyPrinter.created(key, isJSON: client.json)
    }
}
