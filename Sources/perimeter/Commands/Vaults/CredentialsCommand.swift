internal import ArgumentParser

/// The credentials of a vault.
struct CredentialsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credentials", abstract: "Create, list, replace and remove the credentials of a vault.",
        subcommands: [
            CredentialsCreate.self, CredentialsList.self, CredentialsReplace.self, CredentialsArchive.self,
            CredentialsDelete.self,
        ])
}
