internal import Wire

/// A deterministic, offline stand-in for a model: it follows a plan written in the prompt. It is **not** a language model.
///
/// It exists so that a first run, the tests and the benchmarks need no key and no network. The newest user message is
/// the plan; other text in it is ignored. Lines are read from the top:
///
/// | In the prompt | What the model does |
/// |---|---|
/// | a block fenced with <code>\`\`\`bash</code> | calls `bash` with the block as command; `timeout_ms=N` may follow the word |
/// | <code>\`\`\`bash parallel</code> | the same; neighbouring parallel blocks and lines are calls of one response |
/// | <code>\`\`\`write PATH</code> | calls `write` with the block as content |
/// | `tool NAME {json}` | calls any tool; text that is no JSON object is sent as it stands, as a botched input |
/// | `mcp SERVER.TOOL {json}` | calls the tool under the name with which the request offers it |
/// | `parallel tool …`, `parallel mcp …` | the same as part of one response |
/// | `say TEXT`, `think TEXT` | a text or thinking block in front of the next call, or in the final response |
/// | `slow MS TEXT` | text, word by word, with a pause of MS milliseconds before each word |
/// | `tokens N` | the response reports N input tokens |
/// | `fail NAME [n]` | the first n attempts (default 1) at the response fail: `overloaded`, `rate_limited`, `request_failed`, `invalid`, `authentication`, `billing`, `context_too_long`, or `break` (stops half-way through its stream) |
/// | `refuse [category]` | the response ends with stop reason `refusal`; the rest of the plan is dropped |
/// | `max_tokens` | the response ends here with stop reason `max_tokens`; the plan goes on in the next one |
///
/// Each call is one response of its own, made once the results of those before it are there. A final response sums up
/// every call with the first lines of its result. A prompt without any of this is answered with ``help``.
///
/// The position in the plan is read from the messages, never remembered: tool calls since the newest user text. Of several
/// texts in one message the last is the plan: those before it were interrupted or failed. Texts that begin
/// with `<perimeter:` or `<system>` are notes of the server, not prompts; one that begins with `<perimeter:compact>` in the last
/// message asks for a summary, which carries the plan and its position over the compaction. The one thing
/// remembered is how often a response with `fail` has been attempted, by conversation, plan and position, until it succeeds.
/// Token counts are bytes / 4, and ids of tool calls are hashes of conversation and messages.
public struct RehearsalBackend: ModelBackend {
    public let models: [ModelInfo]
    private let actsForClaude: Bool
    private let contextWindow: Int
    private let attempts = RehearsalAttempts()
    private let player: RehearsalPlayer

    /// The id of the one model this back end is.
    public static let modelID = "rehearsal-1"

    /// - Parameters:
    ///   - actsForClaude: also answer for every `claude-*` id, so that samples written for Claude run.
    ///   - contextWindow: prompts of more tokens are refused with code `contextTooLong`.
    ///   - clock: waits between slow words.
    public init(
        actsForClaude: Bool = true, contextWindow: Int = 200_000, clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.actsForClaude = actsForClaude
        self.contextWindow = contextWindow
        player = RehearsalPlayer(clock: clock)
        let own = ModelInfo(
            id: Self.modelID, displayName: "Rehearsal (follows a script; not a language model)",
            maxInputTokens: contextWindow, maxTokens: 64_000)
        let guises = actsForClaude ? ClaudeModels.all.map { Self.standIn(for: $0.id, contextWindow) } : []
        models = [own] + guises
    }

    public func info(for id: String) -> ModelInfo? {
        if let known = models.first(where: { $0.id == id }) { return known }
        return actsForClaude && ClaudeModels.accepts(id) ? Self.standIn(for: id, contextWindow) : nil
    }

    public func respond(
        to request: ModelRequest, onEvent: @Sendable (ModelEvent) async -> Void
    ) async throws(ModelError) -> ModelResponse {
        let transcript = RehearsalTranscript(request.messages)
        let messages = JSON.array(request.messages).bytes
        let tokens = (messages.count + JSON.array(request.tools).bytes.count + (request.system?.bytes.count ?? 0)) / 4
        guard tokens <= contextWindow else {
            throw ModelError(
                .contextTooLong, "prompt is too long: \(tokens) tokens > \(contextWindow) maximum", status: 400)
        }
        var fingerprint = Fingerprint()
        fingerprint.add(request.conversation ?? "")
        fingerprint.add(messages)
        guard !transcript.isCompaction else {
            let summary = RehearsalSummary(messages: request.messages, transcript: transcript).text
            let turn = RehearsalTurn(parts: [.text(summary)])
            return try await player.play(
                turn, tokens: tokens, tools: [], seed: fingerprint, breaks: false, onEvent: onEvent)
        }
        let plan = RehearsalPlan(prompt: transcript.prompt)
        let position = plan.position(afterCalls: transcript.callCount, answers: transcript.answers)
        fingerprint.add(position)
        var turn = plan.turns[position]
        let failure = attempts.next(Self.key(request, transcript.prompt, position), of: turn.failures)
        if let failure, failure != .broken { throw failure.error }
        if position == plan.turns.count - 1 { Self.conclude(&turn, plan: plan, transcript: transcript) }
        return try await player.play(
            turn, tokens: turn.inputTokens ?? tokens, tools: request.tools, seed: fingerprint,
            breaks: failure == .broken,
            onEvent: onEvent)
    }

    /// What attempts are counted by. Messages stay out: a compaction in between changes them.
    private static func key(_ request: ModelRequest, _ prompt: String, _ position: Int) -> UInt64 {
        var key = Fingerprint()
        key.add(request.conversation ?? "")
        key.add(prompt)
        key.add(position)
        return key.value
    }

    /// Adds what the last response says beyond the prompt's own words.
    private static func conclude(_ turn: inout RehearsalTurn, plan: RehearsalPlan, transcript: RehearsalTranscript) {
        guard turn.ending == .ordinary else { return }
        let closing: String
        if !plan.hasDirectives {
            closing = help
        } else if transcript.callCount > 0 {
            closing = RehearsalSummary.outcomes(of: transcript)
        } else if turn.text.isEmpty {
            closing = "Nothing left to do."
        } else {
            return
        }
        turn.parts.append(.text(turn.text.isEmpty ? closing : "\n\n" + closing))
    }

    private static func standIn(for id: String, _ contextWindow: Int) -> ModelInfo {
        ModelInfo(
            id: id, displayName: "Rehearsal in place of \(id) (follows a script; not a language model)",
            maxInputTokens: contextWindow, maxTokens: 64_000)
    }

    /// The answer to a prompt without directives.
    public static let help = """
        Hello. I am the rehearsal model of Perimeter: not a language model, but a stand-in that follows a script \
        without a network. Write one into your message, for example:

            ```bash
            echo "runs in the sandbox"
            ```
            tool read {"file_path": "notes.txt"}
            mcp SERVER.TOOL {"argument": 1}
            say Some text.

        Each block or call is one step; at the end I sum up the results. Further words: ```write PATH, \
        ```bash parallel, think, slow MS TEXT, tokens N, fail NAME [n], refuse, max_tokens. To work with a language \
        model, set PERIMETER_MODEL_PROVIDER and PERIMETER_MODEL_API_KEY.
        """
}
