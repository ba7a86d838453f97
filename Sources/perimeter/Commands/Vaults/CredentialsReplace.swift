internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Replace the secret of a credential.
struct CredentialsReplace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replace",
        abstract: "Replace a credential's secret by standard input; running sessions use the new one.")

    @Argument(help: ArgumentHelp("Vault.", valueName: "vault"))
    var vault: String

    @Argument(help: ArgumentHelp("Credential.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/vaults/\(try PathSegment.id(vault))/credentials/\(try PathSegment.id(id))"
        let secret = try SecretInput.read()
        let answer = try await client.withClient { client in
            let kind = try await client.call(.GET, path)["auth"]?["type"]?.stringValue ?? ""
            let member =
                switch CredentialKind(rawValue: kind) {
                case .staticBearer: "token"
                case .mcpOAuth: "access_token"
                case .environmentVariable: "secret_value"
                case nil: throw CommandError(.failure, "credential \(id) is of a kind that this program does not know")
                }
            let auth: JSON = ["type": .string(kind), member: .string(secret.reveal())]
            return try await client.call(.POST, path, body: ["auth": auth])
        }
        Printer(isJSON: client.json).done(answer, "replaced the secret of \(id)")
    }
}
