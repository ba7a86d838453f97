internal import ArgumentParser

/// Vaults: the credentials that sessions use without seeing them.
struct VaultsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vaults", abstract: "Create, list and change vaults and their credentials.",
        subcommands: [
            VaultsCreate.self, VaultsList.self, VaultsGet.self, VaultsArchive.self, VaultsDelete.self,
            CredentialsCommand.self, VaultsRekey.self,
        ])
}
