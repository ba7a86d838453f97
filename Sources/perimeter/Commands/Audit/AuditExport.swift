internal import ArgumentParser
internal import NIOHTTP1
internal import Store
internal import Wire

/// The whole audit chain as a file.
struct AuditExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the whole chain, one line each, and check it on the way.",
        discussion: """
            The number and the hash of the last line are printed. Keep them away from this host: with them `verify --head` also finds \
            out when a chain was rewritten as a whole.
            """)

    @Argument(help: ArgumentHelp("File; - for standard output.", valueName: "file"))
    var file: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let sink = try FileSink(file)
        let head = try await client.withClient { client in
            var verifier = AuditVerifier()
            var page: String?
            repeat {
                var query = [(name: "order", value: "asc"), (name: "limit", value: "1000")]
                if let page { query.append((name: "page", value: page)) }
                let answer = try await client.call(.GET, "/v1/organizations/audit", query: query)
                for item in answer["data"]?.arrayValue ?? [] {
                    let line = Array((item["line"]?.stringValue ?? "").utf8)
                    do { try verifier.read(line) } catch {
                        throw CommandError(.failure, "the server's chain is broken at \(error)")
                    }
                    try sink.write(line[...] + [0x0A])
                }
                page = answer["next_page"]?.stringValue
            } while page != nil
            return verifier.head
        }
        try sink.write(Array((head.line + "\n").utf8)[...])
        try sink.finish()
        Terminal.writeError("\(head.seq) lines; the last one's hash is \(head.hash)\n")
    }
}
