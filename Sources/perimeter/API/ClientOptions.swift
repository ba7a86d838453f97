internal import ArgumentParser
internal import AsyncHTTPClient
internal import FoundationEssentials
internal import NIOCore
internal import Wire

/// Which server a command talks to, with which key, and how it prints.
struct ClientOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Server; else $PERIMETER_SERVER_URL, $ANTHROPIC_BASE_URL, http://127.0.0.1:8700.", valueName: "url"))
    var server: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Key; else $ANTHROPIC_API_KEY, $PERIMETER_ADMIN_KEY, DATA_DIR/admin-key on the server's own machine.",
            valueName: "key"))
    var key: String?

    @Flag(name: .long, help: "Print the wire objects, one per line, instead of text for people.")
    var json = false

    @OptionGroup(title: "Settings") var settings: SettingsOptions

    /// Runs `body` with a client that is closed afterwards.
    func withClient<Value: Sendable>(_ body: (AdminClient) async throws -> Value) async throws -> Value {
        let loaded = try settings.load()
        let found = findKey(loaded.settings)
        let address = try address(loaded.settings)
        // Redirects stay off: the client would carry the key to another host.
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.retryConnectionEstablishment = false
        return try await HTTPClient.with(configuration) { http in
            try await body(
                AdminClient(address: address, key: found?.key, keyOrigin: found?.origin ?? "nowhere", http: http))
        }
    }

    func address(_ settings: Settings) throws(CommandError) -> String {
        var address = (server ?? settings.worker.serverURL ?? settings.listen.loopbackURL())[...]
        while address.last == "/" { address.removeLast() }
        if address.hasSuffix("/v1") { address.removeLast(3) }
        guard address.hasPrefix("http://") || address.hasPrefix("https://") else {
            throw CommandError(
                .usage, "'\(address.prefix(120))' is not a server address", remedy: "write it as http://HOST:PORT")
        }
        return String(address)
    }

    private func findKey(_ settings: Settings) -> (key: String, origin: String)? {
        if let key { return (key, "--key") }
        if let key = ProcessInfo.processInfo.environment["ANTHROPIC_API_KEY"], !key.isEmpty {
            return (key, "ANTHROPIC_API_KEY")
        }
        if let key = settings.adminKey { return (key.reveal(), "the setting admin_key") }
        let file = KeyFile.admin(in: settings.dataDirectory)
        return file.read().map { ($0, file.path) }
    }
}
