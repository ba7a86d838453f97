internal import OrderedCollections
public import Wire

/// Everything the loop knows of a session: a fold over its log and nothing else.
public struct SessionState: Sendable {
    public enum Phase: Sendable, Equatable {
        /// Waiting for input; `pending` are the calls that the last `requires_action` named.
        case idle(pending: [String])
        case running, rescheduling, terminated
    }

    /// A client's event that the loop has not taken yet.
    public struct Input: Sendable, Equatable {
        public var event: Event
    }

    public private(set) var lastSeq = 0
    public private(set) var phase = Phase.idle(pending: [])
    public private(set) var queue: [Input] = []
    public private(set) var conversation = Conversation()
    /// A model request that has no end yet.
    public private(set) var openSpan: EventID?
    /// True while the present turn still owes the model's answer.
    public private(set) var awaitsModel = false
    /// The stop reason of the latest response of this turn, when the turn must go on after it.
    public private(set) var cutOff: String?
    /// Refusal details of the latest response.
    public private(set) var refusal: JSON?
    /// Failed model requests in a row.
    public private(set) var attempts = 0
    /// Responses with tool calls in this turn.
    public private(set) var rounds = 0
    /// Responses of this turn that were cut off.
    public private(set) var continuations = 0
    /// Compactions in this turn.
    public private(set) var compactions = 0
    public private(set) var usage = TokenUsage()
    /// The size of the latest request with its answer, in tokens.
    public private(set) var contextTokens = 0
    /// Set when the model said that the context is too long for it.
    public private(set) var contextOverflowed = false

    private var callsByID: OrderedDictionary<String, CallState> = [:]

    public init() {}

    /// The calls of the latest response, in its order.
    public var calls: [CallState] { Array(callsByID.values) }
    public var openCalls: [CallState] { callsByID.values.filter { !$0.isSettled } }

    /// Takes the next event of the log. Unknown kinds change nothing.
    public mutating func apply(_ event: Event, note: JSON?, seq: Int) {
        lastSeq = seq
        switch event.type {
        case .userMessage, .systemMessage: applyMessage(event)
        case .userInterrupt: applyQueued(event)
        case .agentToolUse: open(event, note: note, kind: .sandbox)
        case .agentCustomToolUse: open(event, note: note, kind: .custom)
        case .userToolConfirmation:
            guard let id = event["tool_use_id"]?.stringValue else { return }
            callsByID[id]?.verdict = event["result"]?.stringValue
            callsByID[id]?.denyMessage = event["deny_message"]?.stringValue
        case .agentToolResult, .userToolResult: settle(event["tool_use_id"]?.stringValue, with: event)
        case .userCustomToolResult: settle(event["custom_tool_use_id"]?.stringValue, with: event)
        case .modelRequestStart:
            openSpan = event.id
            moveResults()
            if let text = note?["continue"]?.stringValue {
                conversation.appendUser([["type": "text", "text": .string(text)]])
                continuations += 1
            }
        case .modelRequestEnd: applyResponse(event, note: note)
        case .contextCompacted:
            conversation.replace(withSummary: note?["summary"]?.stringValue ?? "")
            contextTokens = 0
            contextOverflowed = false
            compactions += 1
        case .statusRunning: phase = .running
        case .statusRescheduled: phase = .rescheduling
        case .statusTerminated: phase = .terminated
        case .statusIdle:
            let ids = event["stop_reason"]?["event_ids"]?.arrayValue ?? []
            phase = .idle(pending: ids.compactMap(\.stringValue))
            if ids.isEmpty { endTurn() }
        default: break
        }
    }

    private mutating func endTurn() {
        awaitsModel = false
        cutOff = nil
        attempts = 0
        rounds = 0
        continuations = 0
        compactions = 0
    }

    private mutating func applyMessage(_ event: Event) {
        guard applyQueued(event) else { return }
        moveResults()
        var blocks = event["content"]?.arrayValue ?? []
        if event.type == .systemMessage {
            blocks = blocks.map { block in
                ["type": "text", "text": .string("<system>\(block["text"]?.stringValue ?? "")</system>")]
            }
        }
        conversation.appendUser(blocks)
        awaitsModel = true
        refusal = nil
    }

    /// - Returns: true when the event has been taken, false while it waits.
    @discardableResult
    private mutating func applyQueued(_ event: Event) -> Bool {
        queue.removeAll { $0.event.id == event.id }
        guard event.processedAt == nil else { return true }
        queue.append(Input(event: event))
        return false
    }

    private mutating func open(_ event: Event, note: JSON?, kind: CallState.Kind) {
        callsByID[event.id.rawValue] = CallState(
            id: event.id, kind: kind, name: event["name"]?.stringValue ?? "",
            modelID: note?["model_id"]?.stringValue ?? event.id.rawValue,
            permission: event["evaluated_permission"]?.stringValue ?? "allow")
    }

    private mutating func settle(_ id: String?, with event: Event) {
        guard let id, let call = callsByID[id], !call.isSettled else { return }
        var block: JSON = ["type": "tool_result", "tool_use_id": .string(call.modelID)]
        if let content = event["content"]?.arrayValue, !content.isEmpty { block["content"] = .array(content) }
        if event["is_error"]?.boolValue == true { block["is_error"] = true }
        callsByID[id]?.result = block
    }

    /// Hands the settled results to the model, in the order of the calls.
    private mutating func moveResults() {
        guard !callsByID.isEmpty else { return }
        conversation.appendUser(callsByID.values.compactMap(\.result))
        callsByID.removeAll()
    }

    private mutating func applyResponse(_ event: Event, note: JSON?) {
        openSpan = nil
        usage += TokenUsage(span: note?["usage"])
        guard event["is_error"]?.boolValue != true else {
            if note?["aborted"]?.boolValue != true { attempts += 1 }
            if note?["context_too_long"]?.boolValue == true { contextOverflowed = true }
            return
        }
        attempts = 0
        guard note?["purpose"]?.stringValue != "compaction" else { return }
        conversation.appendAssistant(note?["content"]?.arrayValue ?? [])
        contextTokens = note?["context_tokens"]?.intValue ?? 0
        let stop = note?["stop_reason"]?.stringValue ?? "end_turn"
        refusal = stop == "refusal" ? note?["stop_details"] ?? .null : nil
        cutOff = ["max_tokens", "pause_turn", "model_context_window_exceeded"].contains(stop) ? stop : nil
        if callsByID.isEmpty {
            awaitsModel = cutOff != nil
        } else {
            awaitsModel = true
            cutOff = nil
            rounds += 1
        }
    }
}

extension TokenUsage {
    init(span json: JSON?) {
        guard let json else {
            self.init()
            return
        }
        self.init(json: json)
    }
}
