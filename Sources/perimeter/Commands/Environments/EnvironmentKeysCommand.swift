internal import ArgumentParser

/// Keys with which workers serve an environment.
struct EnvironmentKeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Create, list and revoke the keys of an environment's workers.",
        subcommands: [EnvironmentKeysCreate.self, EnvironmentKeysList.self, EnvironmentKeysRevoke.self])
}
