public import Wire

/// One row of `sessions`.
public struct SessionRecord: Sendable {
    public var id: SessionID
    public var workspaceID: String
    public var environmentID: String
    public var environmentKind: EnvironmentType
    public var agentID: String
    public var agentVersion: Int
    public var threadID: ThreadID
    public var status: SessionStatus
    public var title: String?
    public var metadata: JSON
    /// The resolved agent, pinned when the session was made.
    public var agent: JSON
    public var usage: TokenUsage
    /// Vaults whose credentials the session uses; of two for the same purpose the earlier vault's counts.
    public var vaultIDs: [VaultID]
    /// The engine and boundary of the sandbox that last served the session.
    public var sandbox: String?
    public var createdAt: Timestamp
    public var updatedAt: Timestamp
    public var archivedAt: Timestamp?
    /// Since when the session has been running; nil while it is not.
    public var activeSince: Timestamp?
    public var activeMicroseconds: Int
    /// When the session first ran.
    public var startedAt: Timestamp?
    public var endedAt: Timestamp?
    public var lastSeq: Int
    public var fence: Int

    static let columns = """
        id, workspace_id, environment_id, environment_kind, agent_id, agent_version, thread_id, status, title, metadata, \
        agent, usage, sandbox, created_at, updated_at, archived_at, active_since, active_microseconds, started_at, \
        ended_at, last_seq, lease_fence, vault_ids
        """

    init(row: SQLRow) throws {
        guard let id = SessionID(row.text(0)), let kind = EnvironmentType(rawValue: row.text(3)),
            let thread = ThreadID(row.text(6)), let status = SessionStatus(rawValue: row.text(7))
        else { throw StoreError(.corrupt, "unreadable session row") }
        self.id = id
        workspaceID = row.text(1)
        environmentID = row.text(2)
        environmentKind = kind
        agentID = row.text(4)
        agentVersion = row.integer(5)
        threadID = thread
        self.status = status
        title = row.optionalText(8)
        metadata = try JSON(stored: row.bytes(9))
        agent = try JSON(stored: row.bytes(10))
        usage = TokenUsage(json: try JSON(stored: row.bytes(11)))
        sandbox = row.optionalText(12)
        createdAt = row.timestamp(13)
        updatedAt = row.timestamp(14)
        archivedAt = row.optionalTimestamp(15)
        activeSince = row.optionalTimestamp(16)
        activeMicroseconds = row.integer(17)
        startedAt = row.optionalTimestamp(18)
        endedAt = row.optionalTimestamp(19)
        lastSeq = row.integer(20)
        fence = row.integer(21)
        vaultIDs = try Self.vaultIDs(row.text(22))
    }

    private static func vaultIDs(_ stored: String) throws -> [VaultID] {
        // Most sessions name none, and sessions are read often.
        guard stored != "[]" else { return [] }
        return try JSON(stored: Array(stored.utf8)).arrayValue?.compactMap { $0.stringValue.flatMap { VaultID($0) } }
            ?? []
    }

    /// Seconds spent running up to `now`.
    public func activeSeconds(at now: Timestamp) -> Double {
        let current = activeSince.map { max(0, now.microseconds - $0.microseconds) } ?? 0
        return Double((Int64(activeMicroseconds) + current) / 1000) / 1000
    }

    /// The `Session` object (reference api-core §3.1).
    public func json(at now: Timestamp) -> JSON {
        let end = endedAt ?? now
        let duration = Double(max(0, end.microseconds - createdAt.microseconds) / 1000) / 1000
        return [
            "type": "session", "id": .string(id.rawValue), "agent": agent, "environment_id": .string(environmentID),
            "status": .string(status.rawValue), "title": JSON(title), "metadata": metadata, "resources": [],
            "vault_ids": .array(vaultIDs.map { .string($0.rawValue) }), "outcome_evaluations": [],
            "usage": usage.json(activeSeconds: activeSeconds(at: now)),
            "stats": ["active_seconds": .double(activeSeconds(at: now)), "duration_seconds": .double(duration)],
            "budget": .null, "deployment_id": .null, "created_at": JSON(createdAt), "updated_at": JSON(updatedAt),
            "archived_at": JSON(archivedAt),
        ]
    }

    /// The session's primary thread as a `SessionThread` (reference api-core §5).
    public func threadJSON(at now: Timestamp) -> JSON {
        var threadAgent = agent
        threadAgent["multiagent"] = nil
        let ran = startedAt != nil
        let duration = Double(max(0, (endedAt ?? now).microseconds - createdAt.microseconds) / 1000) / 1000
        return [
            "type": "session_thread", "id": .string(threadID.rawValue), "session_id": .string(id.rawValue),
            "agent": threadAgent, "status": .string(status.rawValue), "parent_thread_id": .null,
            "usage": ran ? usage.json(activeSeconds: activeSeconds(at: now)) : .null,
            "stats": ran
                ? [
                    "active_seconds": .double(activeSeconds(at: now)), "duration_seconds": .double(duration),
                    "startup_seconds": .double(
                        startedAt.map { Double(max(0, $0.microseconds - createdAt.microseconds) / 1000) / 1000 } ?? 0),
                ] : .null,
            "workflow_run_id": .null, "created_at": JSON(createdAt), "updated_at": JSON(updatedAt),
            "archived_at": JSON(archivedAt),
        ]
    }
}

extension JSON {
    /// Parses bytes that this program stored.
    package init(stored bytes: [UInt8]) throws {
        do { try self.init(parsing: bytes, maximumDepth: 512) } catch {
            throw StoreError(.corrupt, "stored JSON is unreadable", cause: error)
        }
    }
}

extension SQLRow {
    func timestamp(_ column: Int) -> Timestamp { Timestamp(microseconds: Int64(integer(column))) }
    func optionalTimestamp(_ column: Int) -> Timestamp? {
        optionalInteger(column).map { Timestamp(microseconds: Int64($0)) }
    }
}

extension SQLValue {
    init(_ time: Timestamp) { self = .integer(time.microseconds) }
    init(_ time: Timestamp?) { self = time.map { .integer($0.microseconds) } ?? .null }
    init(_ json: JSON) { self = .text(json.text) }
    init(_ id: ID<some ResourceKind>) { self = .text(id.rawValue) }
}
