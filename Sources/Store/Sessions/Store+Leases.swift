public import Wire

/// What the orchestrator writes after one action, in one transaction.
public struct SessionCommit: Sendable {
    public enum Runnable: Sendable { case keep, clear, at(Timestamp) }

    public var session: SessionID
    /// The fencing number of the lease under which this is written.
    public var fence: Int
    /// When set, the commit happens only if no other event was appended since: the decision rests on a full view.
    public var ifSeq: Int?
    public var entries: [LogEntry]
    public var status: SessionStatus?
    public var usage: TokenUsage?
    public var runnable: Runnable
    /// Makes sure that a worker will come: enqueues an item unless one is live.
    public var needsWorker: Bool
    public var leaseExpiresAt: Timestamp

    public init(
        session: SessionID, fence: Int, ifSeq: Int?, entries: [LogEntry], status: SessionStatus? = nil,
        usage: TokenUsage? = nil, runnable: Runnable = .keep, needsWorker: Bool = false, leaseExpiresAt: Timestamp
    ) {
        self.session = session
        self.fence = fence
        self.ifSeq = ifSeq
        self.entries = entries
        self.status = status
        self.usage = usage
        self.runnable = runnable
        self.needsWorker = needsWorker
        self.leaseExpiresAt = leaseExpiresAt
    }
}

/// A lease on a session: only its holder writes for the loop.
public struct SessionLease: Sendable {
    public var record: SessionRecord
    public var fence: Int
}

extension Store {
    /// Sessions that wait for the loop and that nobody holds, oldest first.
    public func runnableSessions(limit: Int) async throws -> [SessionID] {
        let now = clock.now()
        return try await database.read { connection in
            try connection.query(
                """
                SELECT id FROM sessions WHERE runnable_at IS NOT NULL AND runnable_at <= ?
                    AND (lease_expires_at IS NULL OR lease_expires_at < ?) ORDER BY runnable_at LIMIT ?
                """, SQLValue(now), SQLValue(now), SQLValue(limit)
            ).compactMap { SessionID($0.text(0)) }
        }
    }

    /// When the next session that waits for a time becomes runnable; nil when none does.
    public func nextRunnableTime() async throws -> Timestamp? {
        let now = clock.now()
        return try await database.read { connection in
            try connection.first("SELECT MIN(runnable_at) FROM sessions WHERE runnable_at > ?", SQLValue(now))?
                .optionalTimestamp(0)
        }
    }

    /// Takes the lease of a session that is free, or whose holder let it expire.
    /// - Returns: nil when somebody else holds it or the session is gone or terminated.
    public func acquireLease(on id: SessionID, owner: String, for time: Duration) async throws -> SessionLease? {
        let now = clock.now()
        return try await database.write { connection in
            let changed = try connection.execute(
                """
                UPDATE sessions SET lease_owner = ?, lease_fence = lease_fence + 1, lease_expires_at = ?
                WHERE id = ? AND status <> 'terminated' AND (lease_expires_at IS NULL OR lease_expires_at < ?)
                """, SQLValue(owner), SQLValue(now.advanced(by: time)), SQLValue(id), SQLValue(now))
            guard changed == 1,
                let row = try connection.first(
                    "SELECT \(SessionRecord.columns) FROM sessions WHERE id = ?", SQLValue(id))
            else { return nil }
            let record = try SessionRecord(row: row)
            return SessionLease(record: record, fence: record.fence)
        }
    }

    /// Extends a lease. - Returns: false when it has been taken over.
    public func renewLease(on id: SessionID, fence: Int, for time: Duration) async throws -> Bool {
        let now = clock.now()
        return try await database.write { connection in
            try connection.execute(
                "UPDATE sessions SET lease_expires_at = ? WHERE id = ? AND lease_fence = ?",
                SQLValue(now.advanced(by: time)), SQLValue(id), SQLValue(fence)) == 1
        }
    }

    /// Gives a lease back. Harmless when it has been taken over.
    public func releaseLease(on id: SessionID, fence: Int) async throws {
        _ = try await database.write { connection in
            try connection.execute(
                "UPDATE sessions SET lease_owner = NULL, lease_expires_at = NULL WHERE id = ? AND lease_fence = ?",
                SQLValue(id), SQLValue(fence))
        }
        signals.raise(.runnable)
    }

    /// Frees the leases of processes that are gone. Only for a database that one process uses at a time.
    public func releaseAllLeases() async throws {
        _ = try await database.write { connection in
            try connection.execute(
                "UPDATE sessions SET lease_owner = NULL, lease_expires_at = NULL WHERE lease_expires_at IS NOT NULL")
        }
    }

    /// Writes the outcome of one action of the loop.
    /// - Returns: the new last number, or nil when `ifSeq` no longer holds: look again and decide anew.
    /// - Throws: ``StoreError`` `.fenced` when the lease was taken over or the session is gone.
    public func commit(_ commit: SessionCommit) async throws -> Int? {
        let now = clock.now()
        let workID = WorkID.make(ids)
        let trail = trail(at: now)
        let (seq, record) = try await database.write { connection -> (Int?, SessionRecord) in
            guard
                let row = try connection.first(
                    "SELECT \(SessionRecord.columns) FROM sessions WHERE id = ?", SQLValue(commit.session)),
                row.integer(21) == commit.fence
            else { throw StoreError(.fenced, "another process took session \(commit.session) over") }
            let record = try SessionRecord(row: row)
            if let expected = commit.ifSeq, expected != record.lastSeq { return (nil, record) }
            let seq =
                commit.entries.isEmpty
                ? record.lastSeq
                : try EventLog.append(
                    commit.entries, to: commit.session, of: record.workspaceID, after: record.lastSeq, trail, connection
                )
            try Self.update(record, with: commit, now: now, connection)
            if commit.needsWorker { try WorkQueue.ensure(workID, for: record, now: now, connection) }
            return (seq, record)
        }
        guard let seq else { return nil }
        if !commit.entries.isEmpty { signals.raise(.events(commit.session)) }
        if commit.needsWorker { raiseWork(environment: record.environmentID, kind: record.environmentKind) }
        return seq
    }

    private static func update(
        _ record: SessionRecord, with commit: SessionCommit, now: Timestamp, _ connection: any SQLConnection
    ) throws {
        let status = commit.status ?? record.status
        var activeSince = record.activeSince
        var active = record.activeMicroseconds
        if status == .running, activeSince == nil {
            activeSince = now
        } else if status != .running, let since = activeSince {
            active += Int(max(0, now.microseconds - since.microseconds))
            activeSince = nil
        }
        let usage = commit.usage ?? record.usage
        let startedAt = record.startedAt ?? (status == .running ? now : nil)
        let endedAt = status == .terminated ? record.endedAt ?? now : record.endedAt
        try connection.execute(
            """
            UPDATE sessions SET status = ?, usage = ?, updated_at = ?, active_since = ?, active_microseconds = ?,
                started_at = ?, ended_at = ?, lease_expires_at = ? WHERE id = ?
            """,
            SQLValue(status.rawValue), SQLValue(usage.json(activeSeconds: 0)), SQLValue(now), SQLValue(activeSince),
            SQLValue(active), SQLValue(startedAt), SQLValue(endedAt), SQLValue(commit.leaseExpiresAt),
            SQLValue(commit.session))
        switch commit.runnable {
        case .keep: break
        case .clear:
            try connection.execute("UPDATE sessions SET runnable_at = NULL WHERE id = ?", SQLValue(commit.session))
        case .at(let time):
            try connection.execute(
                "UPDATE sessions SET runnable_at = ? WHERE id = ?", SQLValue(time), SQLValue(commit.session))
        }
        if status == .terminated { try WorkQueue.stopAll(of: commit.session, now: now, connection) }
    }
}
