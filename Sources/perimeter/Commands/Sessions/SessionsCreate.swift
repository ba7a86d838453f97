internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Create a session.
struct SessionsCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Create a session.")

    @Option(name: .long, help: ArgumentHelp("Agent.", valueName: "id"))
    var agent: String

    @Option(name: .long, help: ArgumentHelp("Environment.", valueName: "id"))
    var environment: String

    @Option(name: .long, help: ArgumentHelp("Title.", valueName: "text"))
    var title: String?

    @Option(name: .long, help: ArgumentHelp("Start working on this at once.", valueName: "text"))
    var prompt: String?

    @Option(name: .long, help: ArgumentHelp("Start with a kept sandbox of the environment.", valueName: "name"))
    var fromSnapshot: String?

    @Option(name: .long, help: ArgumentHelp("Vault whose credentials it uses; repeat it.", valueName: "id"))
    var vault: [String] = []

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        var body: JSON = ["agent": .string(agent), "environment_id": .string(environment)]
        if let title { body["title"] = .string(title) }
        if let prompt { body["initial_events"] = [ClientMessages.user(prompt)] }
        if let fromSnapshot { body["metadata"] = [SnapshotName.metadataKey: .string(fromSnapshot)] }
        if !vault.isEmpty { body["vault_ids"] = .array(vault.map { .string($0) }) }
        let request = body
        let session = try await client.withClient { try await $0.call(.POST, "/v1/sessions", body: request) }
        Printer(isJSON: client.json).done(session, "created \(session["id"]?.stringValue ?? "?")")
    }
}
