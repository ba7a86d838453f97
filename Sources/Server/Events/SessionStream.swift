internal import Orchestrator
internal import Store
internal import Synchronization
internal import Wire

/// One reader's cursor over a session's log, with the previews it asked for in between (reference api-core §4.1, §4.7).
struct SessionStream: Sendable {
    let store: Store
    let previews: PreviewHub
    let session: SessionID
    /// Only what is appended after this number is sent.
    let start: Int
    let previewTypes: Set<EventType>
    let keepAlive: Duration
    let stop: StreamStop

    private static let batch = 256

    /// Makes ``run(_:)`` return soon; the session goes on.
    func end() {
        stop.set()
        store.signals.raise(.events(session))
    }

    /// Sends until the session is deleted, or the stream is ended, or `write` throws, or cancellation.
    func run(_ write: ([UInt8]) async throws -> Void) async throws {
        // Tells proxies and clients at once that the stream is open.
        try await write(Array(": open\n\n".utf8))
        guard !previewTypes.isEmpty else { return try await follow(nil, write) }
        try await previews.withSubscription(to: session) { subscription in
            try await follow(subscription, write)
        }
    }

    private func follow(
        _ subscription: PreviewHub.Subscription?, _ write: ([UInt8]) async throws -> Void
    ) async throws {
        var seq = start
        var filter = PreviewFilter(types: previewTypes)
        while true {
            try Task.checkCancellation()
            guard !stop.isSet else { return }
            let mark = store.signals.mark(.events(session))
            var rows = try await store.events(of: session, after: seq, limit: Self.batch)
            var waiting = subscription?.take() ?? []
            if !waiting.isEmpty {
                // What was committed before these previews goes before them.
                rows += try await store.events(of: session, after: rows.last?.seq ?? seq, limit: Self.batch)
                waiting += subscription?.take() ?? []
            }
            let output = frames(rows, waiting.filter { filter.lets($0) })
            seq = rows.last?.seq ?? seq
            if !output.isEmpty { try await write(output) }
            guard rows.isEmpty else { continue }
            guard try await store.lastSeq(of: session) != nil else { return try await write(deleted()) }
            if await isQuiet(since: mark, subscription) { try await write(Array(": keepalive\n\n".utf8)) }
        }
    }

    /// Previews are published before their event is committed, so those of the rows are all here and go before them.
    private func frames(_ rows: [EventBytes], _ previews: [Preview]) -> [UInt8] {
        var output: [UInt8] = []
        let place =
            rows.firstIndex {
                $0.type == EventType.agentMessage.rawValue || $0.type == EventType.agentThinking.rawValue
            }
            ?? rows.endIndex
        for row in rows[..<place] { Self.append(row.type, row.body, to: &output) }
        for preview in previews { Self.append(preview.type, preview.json.bytes, to: &output) }
        for row in rows[place...] { Self.append(row.type, row.body, to: &output) }
        return output
    }

    /// Waits for something to send. - Returns: true when nothing came for the time of a keep-alive.
    private func isQuiet(since mark: UInt64, _ subscription: PreviewHub.Subscription?) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await store.signals.wait(for: .events(session), since: mark)
                return false
            }
            if let subscription {
                group.addTask {
                    await subscription.wait()
                    return false
                }
            }
            group.addTask {
                (try? await Task.sleep(for: keepAlive)) != nil
            }
            let isQuiet = await group.next() ?? false
            group.cancelAll()
            return isQuiet
        }
    }

    private func deleted() -> [UInt8] {
        let event = Event(
            id: EventID.make(store.ids), type: .sessionDeleted, processedAt: store.clock.now())
        var output: [UInt8] = []
        Self.append(event.type.rawValue, event.json.bytes, to: &output)
        return output
    }

    /// The SDK drops frames without an `event:` line (reference api-core §4.1).
    private static func append(_ type: String, _ body: [UInt8], to output: inout [UInt8]) {
        output.append(contentsOf: "event: ".utf8)
        output.append(contentsOf: type.utf8)
        output.append(contentsOf: "\ndata: ".utf8)
        output.append(contentsOf: body)
        output.append(contentsOf: "\n\n".utf8)
    }
}

/// Set once, when the server stops.
final class StreamStop: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}

/// Keeps the previews of the types that were asked for; a delta passes only after its start.
struct PreviewFilter {
    let types: Set<EventType>
    private var started: EventID?

    init(types: Set<EventType>) { self.types = types }

    mutating func lets(_ preview: Preview) -> Bool {
        switch preview {
        case .start(let type, let id):
            guard types.contains(type) else { return false }
            if type == .agentMessage { started = id }
            return true
        case .delta(let id, _, _): return id == started
        }
    }
}

extension Preview {
    var type: String {
        switch self {
        case .start: "event_start"
        case .delta: "event_delta"
        }
    }

    var json: JSON {
        switch self {
        case .start(let type, let id):
            [
                "type": "event_start",
                "event": ["type": .string(type.rawValue), "id": .string(id.rawValue)],
            ]
        case .delta(let id, let index, let text):
            [
                "type": "event_delta", "event_id": .string(id.rawValue),
                "delta": [
                    "type": "content_delta", "index": JSON(index),
                    "content": ["type": "text", "text": .string(text)],
                ],
            ]
        }
    }
}
