internal import ArgumentParser
internal import Wire

/// A copy of a session's sandbox, from which other sessions can start.
struct SessionsSnapshot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Keep a copy of a session's sandbox under a name.",
        discussion: """
            `sessions create --from-snapshot NAME` starts sessions of the same environment from it, any number of times. The copy \
            stays on the worker's host: `perimeter snapshots` lists, exports, imports and removes there.
            """)

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Argument(help: ArgumentHelp("Name: \(SnapshotName.rule).", valueName: "name"))
    var name: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        try await client.withClient { client in
            let link = try await SandboxLink(client, session: id, [("type", "snapshot"), ("name", name)])
            defer { link.close() }
            guard try await link.receive({ _ in }) == .exited(0) else {
                throw CommandError(.failure, "the worker did not say that the snapshot is complete")
            }
        }
        Terminal.writeError("kept as \(name)\n")
    }
}
