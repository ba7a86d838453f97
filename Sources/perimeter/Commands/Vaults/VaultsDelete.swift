internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Delete a vault with its credentials.
struct VaultsDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a vault with its credentials.")

    @Argument(help: ArgumentHelp("Vault.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/vaults/\(try PathSegment.id(id))"
        let answer = try await client.withClient { try await $0.call(.DELETE, path) }
        Printer(isJSON: client.json).done(answer, "deleted \(id)")
    }
}
