internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Archive a vault with its credentials; cannot be undone.
struct VaultsArchive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Archive a vault and forget its secrets; cannot be undone.")

    @Argument(help: ArgumentHelp("Vault.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/vaults/\(try PathSegment.id(id))/archive"
        let vault = try await client.withClient { try await $0.call(.POST, path) }
        Printer(isJSON: client.json).done(vault, "archived \(id)")
    }
}
