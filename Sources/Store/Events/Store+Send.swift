public import Wire

/// Who sends events, as far as the rules of acceptance depend on it.
public enum EventSender: Sendable {
    /// An API key.
    case client
    /// An environment key or a work item's token.
    case worker
}

extension Store {
    /// Accepts a client's events as a whole or refuses them as a whole (reference api-core §4.2, §4.5).
    ///
    /// Results and confirmations take effect at once; messages and interrupts wait in the queue with `processed_at` null.
    /// - Returns: the stored form of each event.
    /// - Throws: `WireError` 404, 409 for a terminated session, 400 naming the offending event.
    public func send(
        _ events: [ClientEvent], to id: SessionID, workspace: String, sender: EventSender
    ) async throws -> [Event] {
        let now = clock.now()
        let eventIDs = events.map { _ in EventID.make(ids) }
        let workID = WorkID.make(ids)
        let trail = trail(at: now)
        let (record, stored) = try await database.write { connection in
            let record = try Self.required(id, workspace: workspace, connection)
            guard record.status != .terminated else { throw Self.terminated(id) }
            var gate = EventGate(
                environment: record.environmentKind, sender: sender, isIdle: record.status == .idle,
                calls: try OpenCall.all(of: id, connection))
            var entries: [LogEntry] = []
            for (index, event) in events.enumerated() {
                entries.append(
                    LogEntry(try gate.accept(event, id: eventIDs[index], now: now, label: "events[\(index)]")))
            }
            _ = try EventLog.append(
                entries, to: id, of: workspace, after: record.lastSeq, trail, connection)
            try connection.execute(
                "UPDATE sessions SET runnable_at = ?, updated_at = ? WHERE id = ?", SQLValue(now), SQLValue(now),
                SQLValue(id))
            if gate.startsTurn {
                try WorkQueue.ensure(workID, for: record, now: now, connection)
            }
            return (record, entries.map(\.event))
        }
        signals.raise(.events(id))
        signals.raise(.runnable)
        raiseWork(environment: record.environmentID, kind: record.environmentKind)
        return stored
    }
}

/// A tool call without a result.
package struct OpenCall: Sendable, Equatable {
    package var id: String
    package var kind: CallKind
    package var permission: String
    package var verdict: String?

    static func all(of session: SessionID, _ connection: any SQLConnection) throws -> [OpenCall] {
        try connection.query(
            "SELECT id, kind, permission, verdict FROM calls WHERE session_id = ? AND settled = 0 ORDER BY seq",
            SQLValue(session)
        ).compactMap { row in
            CallKind(rawValue: row.text(1)).map {
                OpenCall(id: row.text(0), kind: $0, permission: row.text(2), verdict: row.optionalText(3))
            }
        }
    }
}

/// The rules of acceptance for client events, over the calls that are open now. Pure.
struct EventGate {
    let environment: EnvironmentType
    let sender: EventSender
    let isIdle: Bool
    var calls: [OpenCall]
    private(set) var startsTurn = false
    private var interrupts = false
    private var previous: EventType?

    init(environment: EnvironmentType, sender: EventSender, isIdle: Bool, calls: [OpenCall]) {
        self.environment = environment
        self.sender = sender
        self.isIdle = isIdle
        self.calls = calls
    }

    /// Checks one event, marks the call it settles, and returns its stored form.
    mutating func accept(_ event: ClientEvent, id: EventID, now: Timestamp, label: String) throws(WireError) -> Event {
        defer { previous = event.type }
        switch event.type {
        case .userMessage:
            try refuseWorker(label)
            if isIdle, !calls.isEmpty, !interrupts {
                throw .invalid(
                    "\(label): the session waits for \(calls.map(\.id).joined(separator: ", ")): answer these, or send user.interrupt first"
                )
            }
            startsTurn = true
            return Event(id: id, type: event.type, processedAt: nil, fields: event.fields)
        case .userInterrupt:
            try refuseWorker(label)
            interrupts = true
            calls.removeAll()
            return Event(id: id, type: event.type, processedAt: nil, fields: event.fields)
        case .systemMessage:
            try refuseWorker(label)
            guard let previous, [.userMessage, .userToolResult, .userCustomToolResult].contains(previous) else {
                throw .invalid(
                    "\(label): system.message must directly follow a user.message or a tool result in the same request")
            }
            return Event(id: id, type: event.type, processedAt: nil, fields: event.fields)
        case .userToolConfirmation:
            try refuseWorker(label)
            let index = try open(event.settledCall, label: "\(label).tool_use_id") {
                $0.permission == "ask" && $0.verdict == nil && $0.kind != .custom
            }
            calls[index].verdict = event.fields["result"]?.stringValue
            return Event(id: id, type: event.type, processedAt: now, fields: event.fields)
        case .userCustomToolResult:
            calls.remove(at: try open(event.settledCall, label: "\(label).custom_tool_use_id") { $0.kind == .custom })
            return Event(id: id, type: event.type, processedAt: now, fields: event.fields)
        case .userToolResult:
            if environment == .cloud, sender == .client {
                throw .invalid("\(label): user.tool_result is accepted on self_hosted environments only")
            }
            calls.remove(
                at: try open(event.settledCall, label: "\(label).tool_use_id") { call in
                    call.kind == .sandbox && (call.permission == "allow" || call.verdict == "allow")
                })
            return Event(
                id: id, type: environment == .cloud ? .agentToolResult : .userToolResult, processedAt: now,
                fields: event.fields)
        default:
            throw .invalid("\(label).type: '\(event.type.rawValue)' cannot be sent to this session")
        }
    }

    private func refuseWorker(_ label: String) throws(WireError) {
        guard sender == .client else { throw .forbidden("\(label): this credential may send tool results only") }
    }

    private func open(
        _ call: String?, label: String, where matches: (OpenCall) -> Bool
    ) throws(WireError) -> Int {
        guard let index = calls.firstIndex(where: { $0.id == call && matches($0) }) else {
            throw .invalid("\(label): no call that waits for this has the id '\((call ?? "").prefix(128))'")
        }
        return index
    }
}
