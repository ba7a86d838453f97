internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Let a paused sandbox go on.
struct SessionsResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a paused sandbox go on.",
        discussion: "A session without a sandbox gets one. The next tool call does the same by itself.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/sessions/\(try PathSegment.id(id))/sandbox/resume"
        let sandbox = try await client.withClient { try await $0.call(.POST, path, timeout: .seconds(200)) }
        Printer(isJSON: client.json).done(sandbox, "the sandbox of \(id) is \(sandbox["state"]?.stringValue ?? "?")")
    }
}
