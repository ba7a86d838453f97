internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Deny calls that wait for approval; all of them unless some are named.
struct SessionsDeny: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny", abstract: "Deny calls that wait for approval; all of them unless some are named.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Argument(help: ArgumentHelp("Calls to deny.", valueName: "call"))
    var calls: [String] = []

    @Option(name: .long, help: ArgumentHelp("What the agent is told.", valueName: "text"))
    var reason: String?

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let session = try PathSegment.id(id)
        try await client.withClient { client in
            var calls = calls
            if calls.isEmpty { calls = try await WaitingCalls.find(session, client).map(\.id) }
            guard !calls.isEmpty else { throw CommandError(.failure, "no call of \(id) waits for approval") }
            let body: JSON = ["events": .array(calls.map { ClientMessages.deny($0, reason: reason) })]
            let answer = try await client.call(.POST, "/v1/sessions/\(session)/events", body: body)
            Printer(isJSON: self.client.json).done(answer, "denied \(calls.joined(separator: ", "))")
        }
    }
}
