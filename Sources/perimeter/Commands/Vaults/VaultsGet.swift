internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Show a vault.
struct VaultsGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "get", abstract: "Show a vault.")

    @Argument(help: ArgumentHelp("Vault.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/vaults/\(try PathSegment.id(id))"
        let vault = try await client.withClient { try await $0.call(.GET, path) }
        Printer(isJSON: client.json).one(vault)
    }
}
