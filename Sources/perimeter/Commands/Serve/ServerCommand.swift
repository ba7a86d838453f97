internal import ArgumentParser

/// The API server alone.
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Start the API server alone; workers connect over HTTP.")

    @OptionGroup var options: ServeOptions

    func run() async throws {
        _ = try options.load()
        throw CommandError(.failure, "not wired")
    }
}
