internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Send a message to a session.
struct SessionsSend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "send", abstract: "Send a message to a session.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Argument(help: "The message.")
    var text: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let path = "/v1/sessions/\(try PathSegment.id(id))/events"
        let body = ClientMessages.body(ClientMessages.user(text))
        let answer = try await client.withClient { try await $0.call(.POST, path, body: body) }
        Printer(isJSON: client.json).done(answer, "sent")
    }
}
