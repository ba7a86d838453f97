internal import ArgumentParser
internal import NIOHTTP1
internal import Wire

/// One session from the terminal.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run one session and show its timeline.",
        discussion: """
            Uses the agent and the environment named `perimeter-cli`, made at the first run, unless others are named.
            Ends with 0 when the agent finished its turn, with 1 when it failed or refused, with 130 after Ctrl-C.
            """)

    @Argument(help: "What the agent is asked to do; `-` reads it from standard input.")
    var prompt: String

    @Option(name: .long, help: ArgumentHelp("Use this agent.", valueName: "id"))
    var agent: String?

    @Option(name: .long, help: ArgumentHelp("Use this model.", valueName: "id"))
    var model: String?

    @Option(name: .long, help: ArgumentHelp("Use this system prompt.", valueName: "text"))
    var system: String?

    @Option(name: .long, help: ArgumentHelp("Run the tools in this environment.", valueName: "id"))
    var environment: String?

    @Flag(name: .long, help: "Every tool call waits for approval.")
    var ask = false

    @Flag(name: .long, help: "Allow every call that waits for approval.")
    var autoApprove = false

    @Flag(name: .long, help: "Keep the session open afterwards; else it is archived, its history stays readable.")
    var keep = false

    @Option(name: .long, help: ArgumentHelp("Show at most this many lines of each tool result.", valueName: "n"))
    var lines = 12

    @OptionGroup(title: "Connection") var client: ClientOptions

    func validate() throws {
        guard agent == nil || (!ask && model == nil && system == nil) else {
            throw ValidationError("--ask, --model and --system are for runs without --agent")
        }
        guard lines > 0 else { throw ValidationError("--lines must be positive") }
        guard !prompt.isEmpty else { throw ValidationError("the prompt is empty") }
    }

    func run() async throws {
        let text = try promptText()
        try await client.withClient { client in try await run(text, client) }
    }

    private func promptText() throws -> String {
        guard prompt == "-" else { return prompt }
        guard let bytes = try StandardInput.readAll(limit: 8 << 20), !bytes.isEmpty else {
            throw CommandError(.usage, "standard input has no prompt, or more than 8 MiB of it")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func run(_ text: String, _ client: AdminClient) async throws {
        let setup = CommandLineSession(client: client)
        let agentReference = try await setup.agent(id: agent, model: model, system: system, asks: ask)
        let environmentID = try await setup.environment(id: environment)
        let session = try await setup.create(
            agent: agentReference, environment: environmentID, title: PlainText.oneLine(text, width: 80))
        let segment = try PathSegment.id(session)
        note("session \(session)")
        let (isJSON, lines, autoApprove) = (self.client.json, lines, autoApprove)
        let outcome = try await Interruption.catching {
            try await Self.turn(
                text, client, session: segment, printer: EventPrinter(isJSON: isJSON, outputLines: lines),
                approval: Approval(
                    client: client, session: session, allowsAll: autoApprove,
                    isInteractive: Terminal.isInteractive && !isJSON))
        }
        guard let outcome else {
            _ = try await client.call(
                .POST, "/v1/sessions/\(segment)/events", body: ClientMessages.body(ClientMessages.interrupt),
                timeout: .seconds(5))
            throw CommandError(
                .interrupted, "interrupted", remedy: "the session is kept: `perimeter sessions stream \(session)`")
        }
        switch outcome {
        case .completed: break
        case .failed(let why):
            throw CommandError(.failure, why, remedy: "the session is kept: `perimeter sessions get \(session)`")
        case .needsClient(let tool):
            throw CommandError(
                .failure, "the custom tool \(tool) waits for a client that answers it",
                remedy: "drive this agent with an SDK; the session is kept as \(session)")
        }
        guard !keep else { return }
        _ = try await client.call(.POST, "/v1/sessions/\(segment)/archive")
    }

    private static func turn(
        _ text: String, _ client: AdminClient, session: String, printer: EventPrinter, approval: Approval
    ) async throws -> RunMachine.Outcome {
        var printer = printer
        var approval = approval
        var machine = RunMachine()
        var outcome = RunMachine.Outcome.failed("the server ended the stream")
        let follower = SessionFollower(client: client, session: session, wantsPreviews: Terminal.isOutput)
        try await follower.follow(
            includesHistory: false,
            opened: {
                let body = ClientMessages.body(ClientMessages.user(text))
                _ = try await client.call(.POST, "/v1/sessions/\(session)/events", body: body)
            },
            { event in
                printer.show(event)
                for step in machine.take(event) {
                    switch step {
                    case .ask(let call):
                        printer.pause()
                        try await approval.settle(call)
                    case .finish(let end):
                        outcome = end
                        return false
                    }
                }
                return true
            })
        return outcome
    }

    private func note(_ text: String) {
        if !client.json { Terminal.writeError(Terminal.style.paint(text, .dim) + "\n") }
    }
}
