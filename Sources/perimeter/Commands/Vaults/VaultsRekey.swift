internal import ArgumentParser
internal import Store

/// Replace the master key of a stopped server.
struct VaultsRekey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rekey", abstract: "Replace the master key in the data directory of a stopped server.",
        discussion: "Seals every secret again. When it is interrupted, the next start of the server does the rest.")

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        let settings = try options.load().settings
        guard settings.masterKey == nil else {
            throw CommandError(
                .usage, "the master key comes from the setting master_key, not from the data directory",
                remedy: "put a new key in front of the old one, separated by a comma, and start the server; "
                    + "it seals everything again, and then the old key can go")
        }
        let directory = try DataDirectory(settings.dataDirectory)
        let count = try await Self.rekey(settings, directory)
        Terminal.write("secrets sealed under a new master key: \(count)\n")
    }

    /// Each step leaves a server that starts: the new key is on disk before anything is sealed under it, the old one until
    /// nothing is.
    private static func rekey(_ settings: Settings, _ directory: borrowing DataDirectory) async throws -> Int {
        let keyring = MasterKeyring(dataDirectory: directory.path)
        let store = try await ServerSide.open(settings.databaseURL ?? directory.databasePath)
        do {
            _ = try keyring.keys(setting: nil, used: try await store.sealingKeyIDs())
            let key = KeyText.make(prefix: "")
            try keyring.file.replace(with: [key] + (keyring.file.readAll() ?? []))
            let count = try await store.sealing(with: try keyring.keys(setting: nil, used: [])).reseal()
            try keyring.file.replace(with: [key])
            try await store.close()
            return count
        } catch {
            try? await store.close()
            throw error
        }
    }
}
