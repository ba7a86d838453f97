internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Create a vault.
struct VaultsCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Create a vault.")

    @Option(name: .long, help: ArgumentHelp("Name.", valueName: "text"))
    var name: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let body: JSON = ["display_name": .string(name)]
        let vault = try await client.withClient { try await $0.call(.POST, "/v1/vaults", body: body) }
        Printer(isJSON: client.json).done(vault, "created \(vault["id"]?.stringValue ?? "?")")
    }
}
