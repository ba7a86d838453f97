internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Revoke an API key at once.
struct KeysRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "revoke", abstract: "Revoke an API key at once.")

    @Argument(help: ArgumentHelp("Key.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/organizations/api_keys/\(try PathSegment.id(id))"
        let key = try await client.withClient { try await $0.call(.POST, path, body: ["status": "archived"]) }
        Printer(isJSON: client.json).done(key, "revoked \(id)")
    }
}
