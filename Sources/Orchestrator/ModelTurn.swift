internal import Logging
internal import Loop
internal import Models
internal import Store
internal import Wire

/// One model request of a session: streams it, watches for an interrupt, appends the outcome.
struct ModelTurn {
    let run: SessionRun
    let purpose: TurnMachine.Purpose

    private enum Outcome: Sendable {
        case response(ModelResponse)
        case failure(ModelFailure)
        /// An interrupt arrived: the request was given up.
        case interrupted
    }

    func perform() async throws {
        guard let span = run.state.openSpan else { return }
        let messageID = EventID.make(run.orchestrator.ids)
        let thinkingID = EventID.make(run.orchestrator.ids)
        switch try await request(messageID: messageID, thinkingID: thinkingID) {
        case .interrupted: return
        case .failure(let failure): try await fail(failure, span: span)
        case .response(let response) where purpose == .compaction: try await compact(response, span: span)
        case .response(let response):
            let recorder = ResponseRecorder(
                make: run.factory(), tools: run.tools, messageID: messageID, thinkingID: thinkingID)
            try await append(recorder.entries(of: response, span: span))
        }
    }

    /// Appends the response and, when nothing else happened meanwhile, what follows from it in the same transaction.
    private func append(_ entries: [LoopEntry]) async throws {
        var after = run.state
        for entry in entries { after.apply(entry.event, note: entry.note, seq: after.lastSeq + 1) }
        let make = run.factory()
        var combined = entries
        var status: SessionStatus?
        if case .append(let more, let next) = run.machine.decide(after, make, usage: run.usage(of: after, at: make.now))
        {
            combined += more
            status = next
        }
        if try await run.commit(combined, status: status) { return }
        try await run.catchUp()
        try await run.commit(entries, status: nil, always: true)
    }

    private func fail(_ failure: ModelFailure, span: EventID) async throws {
        run.logger.warning("a model request failed", metadata: ["code": "\(failure.type)"])
        try await run.catchUp()
        let make = run.factory()
        let after = run.machine.modelFailed(
            failure, run.state, span: span, make, usage: run.usage(of: run.state, at: make.now),
            jitter: Double.random(in: 0...1))
        let retryAt = after.delay.map { make.now.advanced(by: $0) }
        let isDone = try await run.commit(
            after.entries, status: after.status, runnable: retryAt.map { .at($0) })
        if isDone { run.retryAt = retryAt }
    }

    private func compact(_ response: ModelResponse, span: EventID) async throws {
        let make = run.factory()
        let summary = response.text
        guard !summary.isEmpty else {
            let failure = ModelFailure(
                type: "model_request_failed_error", message: "the model gave no summary of the conversation",
                isRetryable: true)
            return try await fail(failure, span: span)
        }
        let compacted = LoopEntry(make.event(.contextCompacted), note: ["summary": .string(summary)])
        let end = make.spanEnd(
            of: span, isError: false, usage: TokenUsage(response.usage), note: ["purpose": "compaction"])
        try await run.catchUp()
        try await run.commit([compacted, end], status: nil, always: true)
    }

    private func request(messageID: EventID, thinkingID: EventID) async throws -> Outcome {
        guard let (backend, info) = run.orchestrator.models.resolve(run.definition.modelID) else {
            return .failure(
                ModelFailure(
                    type: "model_request_failed_error",
                    message: "no model back end serves '\(run.definition.modelID)': add it to the settings",
                    isRetryable: false))
        }
        let request = makeRequest(info)
        let previews = PreviewFeed(
            hub: run.orchestrator.previews, session: run.id, messageID: messageID, thinkingID: thinkingID,
            isOn: purpose == .turn)
        let store = run.store
        let id = run.id
        let seq = run.state.lastSeq
        return try await withThrowingTaskGroup(of: Outcome.self) { group in
            group.addTask {
                do throws(ModelError) {
                    return .response(try await backend.respond(to: request) { await previews.take($0) })
                } catch {
                    if Task.isCancelled { throw CancellationError() }
                    return .failure(ModelFailure(error))
                }
            }
            group.addTask {
                try await Self.waitForInterrupt(of: id, after: seq, in: store)
                return .interrupted
            }
            defer { group.cancelAll() }
            guard let outcome = try await group.next() else { throw CancellationError() }
            return outcome
        }
    }

    private func makeRequest(_ info: ModelInfo) -> ModelRequest {
        var messages = run.state.conversation.messages
        if purpose == .compaction { messages = CompactionPrompt.messages(for: messages) }
        let maxTokens = min(run.orchestrator.configuration.outputTokens, info.maxTokens ?? .max)
        return ModelRequest(
            model: run.definition.modelID, maxTokens: maxTokens, system: run.definition.system.map(JSON.string),
            messages: messages, tools: run.tools.definitions,
            effort: info.supportsEffort ? run.definition.effort : nil, conversation: run.id.rawValue)
    }

    /// Returns when a `user.interrupt` waits in the log after `seq`.
    private static func waitForInterrupt(of id: SessionID, after seq: Int, in store: Store) async throws {
        var seen = seq
        while true {
            let mark = store.signals.mark(.events(id))
            for event in try await store.events(of: id, after: seen) {
                seen = event.seq
                if event.type == EventType.userInterrupt.rawValue { return }
            }
            try Task.checkCancellation()
            await store.signals.wait(for: .events(id), since: mark)
        }
    }
}

extension ModelFailure {
    /// The loop's view of a back end's error.
    init(_ error: ModelError) {
        let type =
            switch error.code {
            case .overloaded: "model_overloaded_error"
            case .rateLimited: "model_rate_limited_error"
            case .billing: "billing_error"
            default: "model_request_failed_error"
            }
        self.init(
            type: type, message: error.message, isRetryable: error.isRetryable, retryAfter: error.retryAfter,
            isContextTooLong: error.code == .contextTooLong)
    }
}

extension TokenUsage {
    init(_ usage: ModelUsage) {
        let split = usage.ephemeral5m + usage.ephemeral1h
        self.init(
            input: usage.inputTokens, output: usage.outputTokens, cacheRead: usage.cacheReadInputTokens,
            cacheCreation5m: usage.ephemeral5m + max(0, usage.cacheCreationInputTokens - split),
            cacheCreation1h: usage.ephemeral1h)
    }
}
