internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// Show the timeline of a session as it happens.
struct SessionsStream: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream", abstract: "Show the timeline of a session as it happens.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Flag(name: .long, help: "Only what happens from now on.")
    var new = false

    @Flag(name: .long, help: "End when the session is idle.")
    var untilIdle = false

    @Option(name: .long, help: ArgumentHelp("Show at most this many lines of each tool result.", valueName: "n"))
    var lines = 12

    func validate() throws {
        guard lines > 0 else { throw ValidationError("--lines must be positive") }
    }

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let session = try PathSegment.id(id)
        try await client.withClient { client in
            let path = "/v1/sessions/\(session)"
            var printer = EventPrinter(isJSON: self.client.json, outputLines: lines)
            var status = try await client.call(.GET, path)["status"]?.stringValue
            let follower = SessionFollower(client: client, session: session, wantsPreviews: Terminal.isOutput)
            guard status != "terminated", !(untilIdle && status == "idle") else {
                for event in try await client.list(path + "/events", pageSize: 1000) { printer.show(event) }
                return
            }
            try await follower.follow(includesHistory: !new) { event in
                printer.show(event)
                switch event["type"]?.stringValue {
                case "session.status_terminated", "session.deleted": return false
                case "session.status_idle" where untilIdle:
                    // The log may hold the idle of an earlier turn.
                    status = try await client.call(.GET, path)["status"]?.stringValue
                    return status == "running" || status == "rescheduling"
                default: return true
                }
            }
        }
    }
}
