import Store
import Synchronization
import Wire

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A clock that moves only when told to.
final class TestClock: WallClock {
    private let time = Mutex(Timestamp(microseconds: 1_800_000_000_000_000))
    func now() -> Timestamp { time.withLock { $0 } }
    func advance(_ duration: Duration) { time.withLock { $0 = $0.advanced(by: duration) } }
}

/// Identifiers that count up in a fixed width, so that their text order is their order.
final class CountingIdentifiers: IdentifierSource {
    private let count = Mutex(0)
    func next() -> String {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let text = String(number)
        return String(repeating: "0", count: 12 - text.count) + text
    }
}

/// Gives `body` a store in a fresh folder, and removes the folder.
func withStore(_ body: (Store, TestClock) async throws -> Void) async throws {
    try await withDatabaseFile { path in
        let clock = TestClock()
        let store = try await Store(database: SQLiteDatabase(path: path), clock: clock, ids: CountingIdentifiers())
        try await body(store, clock)
        try await store.close()
    }
}

func withDatabaseFile(_ body: (String) async throws -> Void) async throws {
    var template = Array("/tmp/perimeter-store-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw StoreError(.failed, "no temporary folder") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
        for name in ["store.db", "store.db-wal", "store.db-shm"] { unlink(folder + "/" + name) }
        rmdir(folder)
    }
    try await body(folder + "/store.db")
}

extension Store {
    static let workspace = "wrkspc_test"

    /// An environment row as the repository of environments writes it.
    func addEnvironment(_ id: String = "env_1", kind: EnvironmentType = .selfHosted) async throws {
        let now = clock.now()
        try await database.write { connection in
            _ = try connection.execute(
                """
                INSERT INTO environments (id, workspace_id, kind, created_at, updated_at, body)
                VALUES (?, ?, ?, ?, ?, '{}')
                """,
                [
                    .text(id), .text(Self.workspace), .text(kind.rawValue), .integer(now.microseconds),
                    .integer(now.microseconds),
                ])
        }
    }

    func addSession(
        _ environment: String = "env_1", kind: EnvironmentType = .selfHosted, message: String? = nil
    ) async throws -> SessionRecord {
        try await createSession(
            NewSession(
                workspaceID: Self.workspace, environmentID: environment, environmentKind: kind,
                agent: ["type": "agent", "id": "agent_1", "version": 1], agentID: "agent_1", agentVersion: 1,
                title: nil,
                metadata: [:], initialEvents: message.map { [.message($0)] } ?? []))
    }
}

extension ClientEvent {
    static func message(_ text: String) -> ClientEvent {
        ClientEvent(type: .userMessage, fields: ["content": [["type": "text", "text": .string(text)]]])
    }
    static let interrupt = ClientEvent(type: .userInterrupt, fields: [:])
    static func toolResult(_ call: String) -> ClientEvent {
        ClientEvent(type: .userToolResult, fields: ["tool_use_id": .string(call), "content": []])
    }
    static func customResult(_ call: String) -> ClientEvent {
        ClientEvent(type: .userCustomToolResult, fields: ["custom_tool_use_id": .string(call), "content": []])
    }
    static func confirmation(_ call: String, _ verdict: String) -> ClientEvent {
        ClientEvent(type: .userToolConfirmation, fields: ["tool_use_id": .string(call), "result": .string(verdict)])
    }
}
