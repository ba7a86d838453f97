internal import ArgumentParser
internal import Logging

/// The API server alone.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Start the API server alone; workers connect over HTTP.")

    @OptionGroup var options: ServeOptions

    func run() async throws {
        let loaded = try options.load()
        let settings = loaded.settings
        let logger = Logger.make("perimeter", settings)
        for warning in loaded.warnings { logger.warning("settings", metadata: ["warning": "\(warning)"]) }
        let directory = try DataDirectory(settings.dataDirectory)
        try await ServerSide.with(settings, directory, logger: logger) { side in
            try await ServeGroup.run(
                [side.server, side.orchestrator, side.announcement(settings, logger)], logger: logger)
        }
    }
}
