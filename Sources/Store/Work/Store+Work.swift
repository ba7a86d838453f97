public import Wire

/// Which queue a poll looks at.
public enum QueueScope: Sendable, Equatable {
    case environment(EnvironmentID)
    /// Every cloud environment: the operator's own workers serve them all.
    case allCloud
}

/// A claimed item, with what its secret is made of.
public struct WorkClaim: Sendable {
    public var work: WorkRecord
    /// The environment's configuration.
    public var environment: JSON
    /// Calls that an earlier holder may have started and that have no result.
    public var interruptedCalls: [String]
    /// The kept sandbox that the session is to start from.
    public var snapshot: SnapshotName?
    /// Whether the session names vaults.
    public var hasVaults: Bool
}

public struct QueueDepth: Sendable, Equatable {
    public var waiting: Int
    public var claimed: Int
    public var oldest: Timestamp?
}

extension Store {
    /// Claims the oldest item that is free, or that was claimed more than `reclaim` ago and never acknowledged.
    ///
    /// Costs one read while the queue is empty.
    /// - Parameter tokenHash: the hash of the token that the caller will put into the item's secret.
    public func claimWork(
        _ scope: QueueScope, reclaimOlderThan reclaim: Duration, tokenHash: String
    ) async throws -> WorkClaim? {
        let now = clock.now()
        let (condition, argument): (String, SQLValue) =
            switch scope {
            case .environment(let id): ("environment_id = ?", SQLValue(id))
            case .allCloud: ("environment_kind = ?", SQLValue(EnvironmentType.cloud.rawValue))
            }
        let select = """
            SELECT id FROM work WHERE \(condition) AND state = 'queued' AND (claimed_at IS NULL OR claimed_at < ?)
            ORDER BY queued_at, id LIMIT 1
            """
        let threshold = SQLValue(now.advanced(by: .zero - reclaim))
        let candidate = try await database.read { try $0.first(select, argument, threshold) }
        guard candidate != nil else { return nil }
        return try await database.write { connection in
            guard let id = try connection.first(select, argument, threshold)?.text(0) else { return nil }
            try connection.execute(
                "UPDATE work SET claimed_at = ?, claim = claim + 1, token_hash = ? WHERE id = ?", SQLValue(now),
                SQLValue(tokenHash), SQLValue(id))
            guard
                let row = try connection.first("SELECT \(WorkRecord.columns) FROM work WHERE id = ?", SQLValue(id))
            else { return nil }
            let work = try WorkRecord(row: row)
            let environment = try connection.first(
                "SELECT body FROM environments WHERE id = ?", SQLValue(work.environmentID))
            var interrupted: [String] = []
            if let lostSeq = work.lostSeq {
                interrupted = try connection.query(
                    "SELECT id FROM calls WHERE session_id = ? AND settled = 0 AND kind = 'sandbox' AND seq <= ?",
                    SQLValue(work.sessionID), SQLValue(lostSeq)
                ).map { $0.text(0) }
            }
            let session = try connection.first(
                "SELECT metadata, vault_ids FROM sessions WHERE id = ?", SQLValue(work.sessionID))
            return WorkClaim(
                work: work, environment: try JSON(stored: environment?.bytes(0) ?? Array("{}".utf8)),
                interruptedCalls: interrupted,
                snapshot: try SnapshotName(metadata: session.map { try JSON(stored: $0.bytes(0)) }),
                hasVaults: session.map { $0.text(1) != "[]" } ?? false)
        }
    }

    /// Takes a claimed item out of the queue: `queued` → `starting`.
    /// - Parameter sandbox: what the worker says about its sandbox; kept on the session.
    /// - Throws: `WireError` 404, or 409 when the item is not waiting for this.
    public func acknowledgeWork(
        _ id: WorkID, environment: EnvironmentID, sandbox: String?
    ) async throws -> WorkRecord {
        let now = clock.now()
        return try await database.write { connection in
            var work = try Self.requiredWork(id, environment: environment, connection)
            guard work.state == .queued, work.claimedAt != nil else {
                throw WireError.conflict(
                    "work item \(id) is \(work.state.rawValue): only a claimed, queued item is acknowledged")
            }
            work.state = .starting
            work.acknowledgedAt = now
            work.leaseExpiresAt = now.advanced(by: .seconds(Self.firstBeatSeconds))
            try connection.execute(
                "UPDATE work SET state = 'starting', acknowledged_at = ?, lease_expires_at = ? WHERE id = ?",
                SQLValue(now), SQLValue(work.leaseExpiresAt), SQLValue(id))
            if let sandbox {
                try connection.execute(
                    "UPDATE sessions SET sandbox = ? WHERE id = ?", SQLValue(sandbox), SQLValue(work.sessionID))
            }
            return work
        }
    }

    /// How long an acknowledged item may stay without its first heartbeat, in seconds.
    static let firstBeatSeconds = 30

    /// - Returns: nil when there is none.
    public func work(_ id: WorkID, environment: EnvironmentID) async throws -> WorkRecord? {
        try await database.read { connection in
            try connection.first(
                "SELECT \(WorkRecord.columns) FROM work WHERE id = ? AND environment_id = ?", SQLValue(id),
                SQLValue(environment)
            ).map { try WorkRecord(row: $0) }
        }
    }

    /// The item that a token was made for; nil when the token is unknown, replaced by a later claim, or its item stopped.
    public func work(tokenHash: String) async throws -> WorkRecord? {
        try await database.read { connection in
            try connection.first(
                "SELECT \(WorkRecord.columns) FROM work WHERE token_hash = ? AND state <> 'stopped'",
                SQLValue(tokenHash)
            ).map { try WorkRecord(row: $0) }
        }
    }

    public func works(
        environment: EnvironmentID, before: (createdAt: Timestamp, id: String)?, limit: Int
    ) async throws -> [WorkRecord] {
        let position = before.map { (SQLValue($0.createdAt), SQLValue($0.id)) }
        return try await database.read { connection in
            var sql = "SELECT \(WorkRecord.columns) FROM work WHERE environment_id = ?"
            var arguments: [SQLValue] = [SQLValue(environment)]
            if let position {
                sql += " AND (created_at, id) < (?, ?)"
                arguments.append(contentsOf: [position.0, position.1])
            }
            arguments.append(SQLValue(limit))
            return try connection.query(sql + " ORDER BY created_at DESC, id DESC LIMIT ?", arguments)
                .map { try WorkRecord(row: $0) }
        }
    }

    public func updateWorkMetadata(
        _ id: WorkID, environment: EnvironmentID, _ change: @escaping @Sendable (JSON) throws -> JSON
    ) async throws -> WorkRecord {
        try await database.write { connection in
            var work = try Self.requiredWork(id, environment: environment, connection)
            work.metadata = try change(work.metadata)
            try connection.execute("UPDATE work SET metadata = ? WHERE id = ?", SQLValue(work.metadata), SQLValue(id))
            return work
        }
    }

    public func queueDepth(_ environment: EnvironmentID) async throws -> QueueDepth {
        try await database.read { connection in
            let row = try connection.first(
                """
                SELECT COUNT(*), COUNT(claimed_at), MIN(queued_at) FROM work
                WHERE environment_id = ? AND state = 'queued'
                """, SQLValue(environment))
            let all = row?.integer(0) ?? 0
            let claimed = row?.integer(1) ?? 0
            return QueueDepth(waiting: all - claimed, claimed: claimed, oldest: row?.optionalTimestamp(2))
        }
    }

    static func requiredWork(
        _ id: WorkID, environment: EnvironmentID, _ connection: any SQLConnection
    ) throws -> WorkRecord {
        guard
            let row = try connection.first(
                "SELECT \(WorkRecord.columns) FROM work WHERE id = ? AND environment_id = ?", SQLValue(id),
                SQLValue(environment))
        else { throw WireError.notFound("no work item with id \(id) in environment \(environment)") }
        return try WorkRecord(row: row)
    }
}
