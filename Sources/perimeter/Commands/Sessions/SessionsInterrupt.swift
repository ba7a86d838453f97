internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Stop what a session is doing.
struct SessionsInterrupt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "interrupt", abstract: "Stop what a session is doing.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/sessions/\(try PathSegment.id(id))/events"
        let body = ClientMessages.body(ClientMessages.interrupt)
        let answer = try await client.withClient { try await $0.call(.POST, path, body: body) }
        Printer(isJSON: client.json).done(answer, "interrupt sent")
    }
}
