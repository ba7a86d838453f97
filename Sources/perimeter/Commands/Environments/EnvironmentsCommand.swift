internal import ArgumentParser

/// Environments: where the tools of sessions run.
struct EnvironmentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "environments", abstract: "Create, list and change environments and their keys.",
        subcommands: [
            EnvironmentsCreate.self, EnvironmentsList.self, EnvironmentsGet.self, EnvironmentsArchive.self,
            EnvironmentsDelete.self, EnvironmentKeysCommand.self,
        ])
}
