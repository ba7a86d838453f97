internal import ArgumentParser

/// Agents: a model with its instructions and tools, in versions.
struct AgentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agents", abstract: "Create, list and change agents.",
        subcommands: [
            AgentsCreate.self, AgentsList.self, AgentsGet.self, AgentsUpdate.self, AgentsArchive.self,
            AgentsVersions.self,
        ])
}
