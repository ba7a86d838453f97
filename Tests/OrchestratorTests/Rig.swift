import Logging
import Loop
import Models
import Orchestrator
import Store
import Synchronization
import Wire

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A database that dies at a chosen write: that write and all later ones fail, as if the process had been killed.
final class MortalDatabase: SQLDatabase {
    struct Killed: Error {}
    enum Moment: Sendable { case beforeCommit, afterCommit }

    private let inner: SQLiteDatabase
    private let writes = Mutex(0)
    private let deadline: Int
    private let moment: Moment

    init(_ inner: SQLiteDatabase, dyingAt deadline: Int, _ moment: Moment) {
        self.inner = inner
        self.deadline = deadline
        self.moment = moment
    }

    var dialect: SQLDialect { inner.dialect }
    var isDead: Bool { writes.withLock { $0 >= deadline } }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        if isDead { throw Killed() }
        return try await inner.read(body)
    }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        let number = writes.withLock { writes in
            writes += 1
            return writes
        }
        if number > deadline || (number == deadline && moment == .beforeCommit) { throw Killed() }
        let value = try await inner.write(body)
        if number == deadline { throw Killed() }
        return value
    }

    func close() async throws { try await inner.close() }
}

/// A session with an agent, without the HTTP layer.
struct Rig {
    static let workspace = "wrkspc_test"

    static func withFile(_ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/perimeter-loop-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw StoreError(.failed, "no temporary folder") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in ["store.db", "store.db-wal", "store.db-shm"] { unlink(folder + "/" + name) }
            rmdir(folder)
        }
        try await body(folder + "/store.db")
    }

    static func makeSession(
        in store: Store, kind: EnvironmentType = .cloud, tools: JSON = [["type": "agent_toolset_20260401"]],
        message: String? = nil
    ) async throws -> SessionRecord {
        let now = store.clock.now()
        try await store.database.write { connection in
            _ = try connection.execute(
                """
                INSERT INTO environments (id, workspace_id, kind, created_at, updated_at, body)
                VALUES ('env_1', ?, ?, ?, ?, '{}') ON CONFLICT DO NOTHING
                """,
                [.text(workspace), .text(kind.rawValue), .integer(now.microseconds), .integer(now.microseconds)])
        }
        let agent: JSON = [
            "type": "agent", "id": "agent_1", "version": 1, "name": "Tester", "model": ["id": "rehearsal-1"],
            "system": .null, "tools": tools,
        ]
        return try await store.createSession(
            NewSession(
                workspaceID: workspace, environmentID: "env_1", environmentKind: kind, agent: agent, agentID: "agent_1",
                agentVersion: 1, title: nil, metadata: [:], initialEvents: message.map { [userMessage($0)] } ?? []))
    }

    static func userMessage(_ text: String) -> ClientEvent {
        ClientEvent(type: .userMessage, fields: ["content": [["type": "text", "text": .string(text)]]])
    }

    /// Runs an orchestrator, and a worker that answers sandbox calls, until the log satisfies `until`.
    /// - Parameter answers: false leaves sandbox calls open.
    static func run(
        _ store: Store, _ session: SessionID, answers: Bool = true, limits: OrchestratorConfiguration? = nil,
        backend: any ModelBackend = RehearsalBackend(), until: @escaping @Sendable ([Event]) -> Bool
    ) async throws -> [Event] {
        var configuration = limits ?? OrchestratorConfiguration(linger: .milliseconds(200))
        configuration.limits.retryBase = .milliseconds(5)
        let orchestrator = Orchestrator(
            store: store, models: ModelTable(default: backend), previews: PreviewHub(),
            configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return try await withThrowingTaskGroup(of: [Event]?.self) { group in
            group.addTask {
                try await orchestrator.run()
                return nil
            }
            if answers {
                group.addTask {
                    await answerCalls(store, session)
                    return nil
                }
            }
            group.addTask {
                while true {
                    let mark = store.signals.mark(.events(session))
                    let events = try await history(store, session)
                    if until(events) { return events }
                    try Task.checkCancellation()
                    // A store that died raises nothing: look again now and then.
                    await store.signals.wait(for: .events(session), since: mark, timeout: .milliseconds(50))
                }
            }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            return []
        }
    }

    /// The log as clients see it: each event once, in the order of its processing.
    static func history(_ store: Store, _ session: SessionID) async throws -> [Event] {
        try await store.history(of: session, EventQuery()).bodies
            .compactMap { Event(json: try JSON(parsing: $0)) }
    }

    /// Answers each open sandbox call once with its own command.
    private static func answerCalls(_ store: Store, _ session: SessionID) async {
        while !Task.isCancelled {
            let mark = store.signals.mark(.events(session))
            let events = (try? await history(store, session)) ?? []
            let settled = Set(events.compactMap { $0["tool_use_id"]?.stringValue })
            for use in events where use.type == .agentToolUse && !settled.contains(use.id.rawValue) {
                let text = "ran \(use["input"]?["command"]?.stringValue ?? "")"
                let result = ClientEvent(
                    type: .userToolResult,
                    fields: [
                        "tool_use_id": .string(use.id.rawValue),
                        "content": [["type": "text", "text": .string(text)]], "is_error": false,
                    ])
                _ = try? await store.send([result], to: session, workspace: workspace, sender: .worker)
            }
            if store.signals.mark(.events(session)) == mark {
                await store.signals.wait(for: .events(session), since: mark)
            }
        }
    }
}

/// Checks a history against the rules that every history obeys (sdk-conformance §4); returns what is wrong.
func violations(in events: [Event]) -> [String] {
    var found: [String] = []
    if Set(events.map(\.id)).count != events.count { found.append("repeated ids") }
    var openSpans = Set<String>()
    var unanswered = Set<String>()
    var answered = Set<String>()
    var lastStatus: EventType?
    for (index, event) in events.enumerated() {
        switch event.type {
        case .modelRequestStart: openSpans.insert(event.id.rawValue)
        case .modelRequestEnd:
            if openSpans.remove(event["model_request_start_id"]?.stringValue ?? "") == nil {
                found.append("a span's end without its start")
            }
        case .agentToolUse, .agentCustomToolUse: unanswered.insert(event.id.rawValue)
        case .agentToolResult, .userToolResult, .userCustomToolResult:
            let id = (event["tool_use_id"] ?? event["custom_tool_use_id"])?.stringValue ?? ""
            if !answered.insert(id).inserted { found.append("two results for \(id)") }
            if unanswered.remove(id) == nil { found.append("a result without its call: \(id)") }
        case .statusRunning:
            if lastStatus == .statusRunning { found.append("running twice at \(index)") }
            lastStatus = event.type
        case .statusIdle:
            if !openSpans.isEmpty { found.append("idle with an open span at \(index)") }
            if index == 0 || events[index - 1].type != .sessionUsage { found.append("idle without usage at \(index)") }
            let ids = (event["stop_reason"]?["event_ids"]?.arrayValue ?? []).compactMap(\.stringValue)
            if lastStatus == .statusIdle, ids.isEmpty { found.append("idle twice at \(index)") }
            if !Set(ids).isSubset(of: unanswered) { found.append("requires_action names answered calls at \(index)") }
            lastStatus = event.type
        case .statusRescheduled: lastStatus = event.type
        default: break
        }
    }
    return found
}

extension [Event] {
    var isAtRest: Bool { last?.type == .statusIdle && last?["stop_reason"]?["event_ids"] == nil }
    var stopReason: String? { last { $0.type == .statusIdle }?["stop_reason"]?["type"]?.stringValue }
    func count(_ type: EventType) -> Int { filter { $0.type == type }.count }
    /// The text of the last message.
    var answer: String {
        let content = last { $0.type == .agentMessage }?["content"]?.arrayValue ?? []
        return content.compactMap { $0["text"]?.stringValue }.joined()
    }
}
