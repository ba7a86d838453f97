public import Wire

/// Decides what a session does next. Pure: facts in, one decision out.
public struct TurnMachine: Sendable {
    public let limits: LoopLimits
    public let environment: EnvironmentType
    /// Requests larger than this many tokens are compacted before the next one.
    public let compactionThreshold: Int

    public init(limits: LoopLimits, environment: EnvironmentType, compactionThreshold: Int) {
        self.limits = limits
        self.environment = environment
        self.compactionThreshold = compactionThreshold
    }

    public enum Purpose: Sendable, Equatable { case turn, compaction }

    public enum Decision: Sendable, Equatable {
        /// Append these events, provided that nothing else was appended meanwhile; then decide again.
        case append([LoopEntry], status: SessionStatus?)
        /// Append these events, the last of which opens a model request, and make the request.
        case callModel([LoopEntry], purpose: Purpose)
        /// Nothing to do before another event arrives. `needsWorker`: a worker must be on its way.
        case wait(needsWorker: Bool)
    }

    /// - Parameter usage: the session's usage as `session.usage` shows it.
    public func decide(_ state: SessionState, _ make: EventFactory, usage: JSON) -> Decision {
        if state.phase == .terminated { return .wait(needsWorker: false) }
        if let span = state.openSpan {
            let note: JSON = ["aborted": true]
            return .append([make.spanEnd(of: span, isError: true, usage: TokenUsage(), note: note)], status: nil)
        }
        if let interrupt = state.queue.first(where: { $0.event.type == .userInterrupt }) {
            return applyInterrupt(interrupt.event, state, make, usage)
        }
        let denied = state.openCalls.filter(\.isDenied)
        if !denied.isEmpty {
            return .append(denied.map { make.failedResult(of: $0.id, kind: $0.kind, Self.denial(of: $0)) }, status: nil)
        }
        if !state.openCalls.isEmpty { return awaitCalls(state, make, usage) }
        switch state.phase {
        case .terminated: return .wait(needsWorker: false)
        case .rescheduling: return requestModel(state, make.running(), make, usage)
        case .running:
            if state.awaitsModel { return requestModel(state, [], make, usage) }
            return endTurn(state, make, usage)
        case .idle(let pending):
            if !pending.isEmpty, state.awaitsModel { return requestModel(state, make.running(), make, usage) }
            let inputs = state.queue.prefix { $0.event.type != .userInterrupt }
            guard !inputs.isEmpty else { return .wait(needsWorker: false) }
            return requestModel(state, inputs.map { make.taken($0.event) } + make.running(), make, usage)
        }
    }

    private func applyInterrupt(
        _ interrupt: Event, _ state: SessionState, _ make: EventFactory, _ usage: JSON
    ) -> Decision {
        var entries = state.openCalls.map { make.failedResult(of: $0.id, kind: $0.kind, Self.interruption) }
        entries.append(make.taken(interrupt))
        if case .idle(let pending) = state.phase, pending.isEmpty { return .append(entries, status: nil) }
        return .append(entries + make.idle(["type": "end_turn"], usage: usage), status: .idle)
    }

    /// Calls without a result: wait for workers and clients, and say so when only others can go on (reference §4.5).
    private func awaitCalls(_ state: SessionState, _ make: EventFactory, _ usage: JSON) -> Decision {
        let released = state.openCalls.filter(\.isReleased)
        let blockers = state.openCalls.filter { environment == .selfHosted || !$0.isReleased }
            .map { $0.id.rawValue }
        let reason: JSON = ["type": "requires_action", "event_ids": .array(blockers.map(JSON.string))]
        switch state.phase {
        case .running, .rescheduling:
            if environment == .cloud, !released.isEmpty { return .wait(needsWorker: true) }
            return .append(make.idle(reason, usage: usage), status: .idle)
        case .idle(let pending):
            if blockers.isEmpty { return .append(make.running(), status: .running) }
            if Set(pending) != Set(blockers) {
                return .append(make.repeatedIdle(reason, usage: usage), status: .idle)
            }
            return .wait(needsWorker: !released.isEmpty)
        case .terminated: return .wait(needsWorker: false)
        }
    }

    private func requestModel(
        _ state: SessionState, _ prelude: [LoopEntry], _ make: EventFactory, _ usage: JSON
    ) -> Decision {
        if state.rounds >= limits.toolRounds {
            let error = make.error(
                type: "tool_use_limit_reached_error",
                message: "the turn made \(state.rounds) rounds of tool calls, the most that are allowed",
                retry: "exhausted")
            return .append(prelude + [error] + giveUp(state, make, usage), status: .idle)
        }
        let isTooLong = state.contextOverflowed || state.contextTokens > compactionThreshold
        if isTooLong, state.conversation.messages.count > 1 {
            if state.compactions >= limits.compactions {
                let error = make.error(
                    type: "compaction_limit_reached_error",
                    message: "the context was compacted \(state.compactions) times and is still too long",
                    retry: "exhausted")
                return .append(prelude + [error] + giveUp(state, make, usage), status: .idle)
            }
            let start = LoopEntry(make.event(.modelRequestStart), note: ["purpose": "compaction"])
            return .callModel(prelude + [start], purpose: .compaction)
        }
        var note: JSON?
        if state.cutOff == "max_tokens" || state.cutOff == "model_context_window_exceeded" {
            note = ["continue": .string(Self.continuation)]
        }
        return .callModel(prelude + [LoopEntry(make.event(.modelRequestStart), note: note)], purpose: .turn)
    }

    private func endTurn(_ state: SessionState, _ make: EventFactory, _ usage: JSON) -> Decision {
        if let details = state.refusal {
            return .append(
                make.idle(["type": "refusal"], details: Self.refusalDetails(details), usage: usage), status: .idle)
        }
        return .append(make.idle(["type": "end_turn"], usage: usage), status: .idle)
    }

    /// The end of a dead turn: queued inputs are flushed, the session is idle and takes a new prompt.
    private func giveUp(_ state: SessionState, _ make: EventFactory, _ usage: JSON) -> [LoopEntry] {
        state.queue.map { make.taken($0.event) } + make.idle(["type": "retries_exhausted"], usage: usage)
    }
}

extension TurnMachine {
    static let interruption =
        "The execution was interrupted by the user before it finished. It may be retried if it is still needed."
    static let continuation =
        "Your answer was cut off at the output limit. Continue exactly where it stopped, without repeating anything."

    static func denial(of call: CallState) -> String {
        if call.verdict == "deny" {
            guard let message = call.denyMessage, !message.isEmpty else { return "The user rejected this tool call." }
            return "The user rejected this tool call: \(message)"
        }
        return "The tool '\(call.name)' is not enabled for this agent."
    }

    /// Only the members that clients know, with their nulls.
    static func refusalDetails(_ details: JSON) -> JSON {
        let known: Set<String> = ["cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"]
        let category = details["category"]?.stringValue.flatMap { known.contains($0) ? $0 : nil }
        return [
            "type": "refusal", "category": JSON(category), "explanation": JSON(details["explanation"]?.stringValue),
        ]
    }
}
