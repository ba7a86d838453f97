internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Archive a credential; cannot be undone.
struct CredentialsArchive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Take a credential out of use and forget its secret; cannot be undone.")

    @Argument(help: ArgumentHelp("Vault.", valueName: "vault"))
    var vault: String

    @Argument(help: ArgumentHelp("Credential.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/vaults/\(try PathSegment.id(vault))/credentials/\(try PathSegment.id(id))/archive"
        let credential = try await client.withClient { try await $0.call(.POST, path) }
        Printer(isJSON: client.json).done(credential, "archived \(id)")
    }
}
