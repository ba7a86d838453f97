internal import ArgumentParser
internal import Wire

/// List API keys.
struct KeysList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List API keys.")

    @Option(name: .long, help: ArgumentHelp("At most this many, newest first.", valueName: "n"))
    var limit: Int?

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let keys = try await client.withClient { try await $0.list("/v1/organizations/api_keys", limit: limit) }
        KeyPrinter.list(keys, isJSON: client.json)
    }
}
