internal import ArgumentParser

/// API keys of the organisation.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Create, list and revoke API keys.",
        subcommands: [KeysCreate.self, KeysList.self, KeysRevoke.self])
}
