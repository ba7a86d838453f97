internal import Wire

/// Streams one turn of a plan the way a provider does.
struct RehearsalPlayer: Sendable {
    let clock: any Clock<Duration>

    /// - Parameters:
    ///   - tokens: the input tokens to report.
    ///   - tools: the tools that the request offers, for the names of MCP tools.
    ///   - seed: where ids come from.
    ///   - breaks: stop half-way.
    func play(
        _ turn: RehearsalTurn, tokens: Int, tools: [JSON], seed: Fingerprint, breaks: Bool,
        onEvent: @Sendable (ModelEvent) async -> Void
    ) async throws(ModelError) -> ModelResponse {
        let blocks = turn.parts.enumerated().map { index, part in block(part, index, tools, seed) }
        var response = ModelResponse(id: "msg_rehearsal_" + seed.text, content: [], stopReason: "end_turn")
        response.usage.inputTokens = tokens
        await onEvent(.started(response.usage))
        for (index, block) in blocks.enumerated() {
            let stopsHere = breaks && index == blocks.count / 2
            await onEvent(.blockStarted(index: index, block: block.opening))
            let pieces = stopsHere ? block.pieces.prefix(block.pieces.count / 2) : block.pieces[...]
            for piece in pieces {
                try await pause(block.pause)
                await onEvent(block.delta(index, piece))
            }
            if stopsHere { throw RehearsalFailure.broken.error }
            await onEvent(.blockFinished(index: index, block: block.complete))
            response.content.append(block.complete)
            response.usage.outputTokens += max(1, block.size / 4)
            if let reason = block.malformed, let id = block.complete["id"]?.stringValue {
                response.malformedToolInputs[id] = reason
            }
        }
        if breaks { throw RehearsalFailure.broken.error }
        switch turn.ending {
        case .ordinary: response.stopReason = turn.calls.isEmpty ? "end_turn" : "tool_use"
        case .maxTokens: response.stopReason = "max_tokens"
        case .refusal(let category):
            response.stopReason = "refusal"
            response.stopDetails = [
                "type": "refusal", "category": JSON(category), "explanation": "This refusal was rehearsed.",
            ]
        }
        await onEvent(.finished(response))
        return response
    }

    private struct Block {
        enum Kind { case text, thinking, input }
        var kind: Kind
        var opening: JSON
        var complete: JSON
        var pieces: [String]
        var pause: Duration?
        var malformed: String?

        var size: Int { pieces.reduce(0) { $0 + $1.utf8.count } }

        func delta(_ index: Int, _ piece: String) -> ModelEvent {
            switch kind {
            case .text: .textDelta(index: index, text: piece)
            case .thinking: .thinkingDelta(index: index, text: piece)
            case .input: .inputDelta(index: index, text: piece)
            }
        }
    }

    private func block(_ part: RehearsalTurn.Part, _ index: Int, _ tools: [JSON], _ seed: Fingerprint) -> Block {
        switch part {
        case .text(let text):
            return Block(
                kind: .text, opening: ["type": "text", "text": ""], complete: ["type": "text", "text": .string(text)],
                pieces: Self.pieces(text))
        case .slowText(let text, let pause):
            return Block(
                kind: .text, opening: ["type": "text", "text": ""], complete: ["type": "text", "text": .string(text)],
                pieces: Self.words(text), pause: pause)
        case .thinking(let text):
            return Block(
                kind: .thinking, opening: ["type": "thinking", "thinking": "", "signature": ""],
                complete: [
                    "type": "thinking", "thinking": .string(text), "signature": .string("rehearsal-" + seed.text),
                ],
                pieces: Self.pieces(text))
        case .call(let call):
            var seed = seed
            seed.add(index)
            let opening: JSON = [
                "type": "tool_use", "id": .string("toolu_rehearsal_" + seed.text),
                "name": .string(call.name(among: tools)), "input": [:],
            ]
            var complete = opening
            let input = ToolInput(parsing: call.input)
            complete["input"] = input.value
            return Block(
                kind: .input, opening: opening, complete: complete, pieces: Self.pieces(call.input),
                malformed: input.malformed)
        }
    }

    private func pause(_ duration: Duration?) async throws(ModelError) {
        if let duration, duration > .zero {
            do { try await clock.sleep(for: duration) } catch {
                throw ModelError(.cancelled, "the model call was cancelled")
            }
        }
        if Task.isCancelled { throw ModelError(.cancelled, "the model call was cancelled") }
    }

    /// Pieces of a few words; longer texts come in at most a hundred, so that a large input does not flood receivers.
    private static func pieces(_ text: String) -> [String] {
        let size = max(16, text.count / 100 + 1)
        var pieces: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            pieces.append(String(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return pieces
    }

    /// Words with the space that follows them.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            let word = rest.prefix { !$0.isWhitespace }
            let end = rest[word.endIndex...].firstIndex { !$0.isWhitespace } ?? rest.endIndex
            words.append(String(rest[..<end]))
            rest = rest[end...]
        }
        return words
    }
}
