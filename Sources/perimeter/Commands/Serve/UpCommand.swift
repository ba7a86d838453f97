internal import ArgumentParser

/// Everything in one process.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Start server and worker in one process, with the embedded store.")

    @OptionGroup var options: ServeOptions

    func run() async throws {
        _ = try options.load()
        throw CommandError(.failure, "not wired")
    }
}
