internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Stop what runs in a session's sandbox, and keep it.
struct SessionsPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stop what runs in a session's sandbox, and keep it.",
        discussion: """
            Refused while a tool call runs or somebody has a stream open. The next tool call lets it go on by itself. What is kept \
            beside the files depends on the engine: programs until the host restarts, or also after it.
            """)

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/sessions/\(try PathSegment.id(id))/sandbox/pause"
        let sandbox = try await client.withClient { try await $0.call(.POST, path, timeout: .seconds(200)) }
        Printer(isJSON: client.json).done(sandbox, "the sandbox of \(id) is \(sandbox["state"]?.stringValue ?? "?")")
    }
}
