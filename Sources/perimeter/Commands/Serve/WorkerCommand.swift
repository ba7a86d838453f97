internal import ArgumentParser

/// A worker alone.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Serve an environment's sessions from this machine.")

    @OptionGroup var options: ProcessOptions

    func run() async throws {
        _ = try options.load()
        throw CommandError(.failure, "not wired")
    }
}
