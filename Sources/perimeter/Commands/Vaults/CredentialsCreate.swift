internal import ArgumentParser
internal import FoundationEssentials
internal import NIOHTTP1
internal import Wire

/// Create a credential.
struct CredentialsCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create a credential; its secret is read from standard input.",
        discussion: """
            perimeter vaults credentials create VAULT --variable GITHUB_TOKEN --host api.github.com < token
            perimeter vaults credentials create VAULT --mcp-server https://mcp.example.com < token
            perimeter vaults credentials create VAULT --file credential.yaml

            A file is the whole request body, secrets included; it is the way to credentials that are renewed.
            """)

    @Argument(help: ArgumentHelp("Vault.", valueName: "id"))
    var vault: String

    @Option(name: .long, help: ArgumentHelp("Variable in which programs find a placeholder.", valueName: "name"))
    var variable: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Host to which the secret may go; repeat it. All that are allowed by default.", valueName: "host"))
    var host: [String] = []

    @Option(name: .long, help: ArgumentHelp("MCP server that takes the secret as its token.", valueName: "url"))
    var mcpServer: String?

    @Option(name: .long, help: ArgumentHelp("Name for people.", valueName: "text"))
    var name: String?

    @Option(
        name: .long, help: ArgumentHelp("Request body as JSON or YAML.", valueName: "path"),
        completion: .file(extensions: ["json", "yaml", "yml"]))
    var file: String?

    @OptionGroup(title: "Connection") var client: ClientOptions

    func validate() throws {
        guard [variable, mcpServer, file].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("give one of --variable, --mcp-server and --file")
        }
        guard host.isEmpty || variable != nil else { throw ValidationError("--host belongs to --variable") }
    }

    func run() async throws {
        let path = "/v1/vaults/\(try PathSegment.id(vault))/credentials"
        let body = try body()
        let credential = try await client.withClient { try await $0.call(.POST, path, body: body) }
        Printer(isJSON: client.json).done(credential, "created \(credential["id"]?.stringValue ?? "?")")
    }

    private func body() throws(CommandError) -> JSON {
        var body: JSON
        if let file {
            body = try DocumentFile.read(file)
        } else if let variable {
            let networking: JSON =
                host.isEmpty
                ? ["type": "unrestricted"]
                : ["type": "limited", "allowed_hosts": .array(host.map { .string($0) })]
            body = [
                "auth": [
                    "type": "environment_variable", "secret_name": .string(variable), "networking": networking,
                    "secret_value": .string(try SecretInput.read().reveal()),
                ]
            ]
        } else {
            body = [
                "auth": [
                    "type": "static_bearer", "mcp_server_url": JSON(mcpServer),
                    "token": .string(try SecretInput.read().reveal()),
                ]
            ]
        }
        if let name { body["display_name"] = .string(name) }
        return body
    }
}
