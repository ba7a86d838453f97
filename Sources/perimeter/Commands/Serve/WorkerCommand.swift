internal import ArgumentParser
internal import Logging
internal import Sandbox
internal import Wire
internal import Worker

/// A worker alone.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Serve an environment's sessions from this machine.",
        discussion: """
            Needs the server's address (PERIMETER_SERVER_URL or ANTHROPIC_BASE_URL), the environment \
            (ANTHROPIC_ENVIRONMENT_ID) and its key (ANTHROPIC_ENVIRONMENT_KEY).
            """)

    @Flag(name: .long, help: "Leave the sandboxes alive at the end, for the next start of this worker.")
    var keepSandboxes = false

    @OptionGroup var options: ProcessOptions

    func run() async throws {
        let loaded = try options.load()
        let settings = loaded.settings
        let logger = Logger.make("perimeter", settings)
        for warning in loaded.warnings { logger.warning("settings", metadata: ["warning": "\(warning)"]) }
        guard let url = settings.worker.serverURL else {
            throw Self.missing("the server's address", "PERIMETER_SERVER_URL or ANTHROPIC_BASE_URL")
        }
        guard let environment = settings.worker.environmentID else {
            throw Self.missing("the environment's id", "ANTHROPIC_ENVIRONMENT_ID")
        }
        guard let secret = settings.worker.environmentKey else {
            throw Self.missing("the environment's key", "ANTHROPIC_ENVIRONMENT_KEY")
        }
        guard let key = Credential(secret.reveal()) else {
            throw CommandError(
                .usage, "worker.environment_key: is empty or has characters that no key has",
                remedy: "set ANTHROPIC_ENVIRONMENT_KEY to the key as it was shown")
        }
        let directory = try DataDirectory(settings.dataDirectory, role: "worker")
        let engine = try SandboxEngines(settings: settings, logger: logger).chosen()
        let worker = WorkerSide(
            environment: environment, key: key, serverURL: { url }, settings: settings, engine: engine, logger: logger)
        try await ServeGroup.run([worker], logger: logger)
        if !keepSandboxes { await WorkerSide.leave(engine, settings) }
        withExtendedLifetime(directory) {}
    }

    private static func missing(_ what: String, _ variables: String) -> CommandError {
        CommandError(.usage, "\(what) is not set", remedy: "set \(variables)")
    }
}
