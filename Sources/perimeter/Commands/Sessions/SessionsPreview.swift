internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// An address for a port inside.
struct SessionsPreview: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Make an address under which a port of a session's sandbox can be opened.",
        discussion: "Whoever has the address can open it until it expires; it is shown once.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Argument(help: ArgumentHelp("Port inside.", valueName: "port"))
    var port: Int

    @Option(name: .long, help: ArgumentHelp("Seconds, up to a week.", valueName: "seconds"))
    var expiresIn = 3600

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/sessions/\(try PathSegment.id(id))/sandbox/previews"
        let answer = try await client.withClient {
            try await $0.call(.POST, path, body: ["port": JSON(port), "expires_in": JSON(expiresIn)])
        }
        Printer(isJSON: client.json).done(answer, answer["url"]?.stringValue ?? "no address")
    }
}
