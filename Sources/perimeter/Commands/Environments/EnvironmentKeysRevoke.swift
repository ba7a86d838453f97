internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Revoke a key at once; its workers stop.
struct EnvironmentKeysRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revoke a key at once; its workers stop.")

    @Argument(help: ArgumentHelp("Environment.", valueName: "id"))
    var id: String

    @Argument(help: ArgumentHelp("Key.", valueName: "key-id"))
    var keyID: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/environments/\(try PathSegment.id(id))/keys/\(try PathSegment.id(keyID))"
        let answer = try await client.withClient { try await $0.call(.DELETE, path) }
        Printer(isJSON: client.json).done(answer, "revoked \(keyID)")
    }
}
