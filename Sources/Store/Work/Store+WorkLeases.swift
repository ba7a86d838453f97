public import Wire

/// The answer to a heartbeat.
public struct HeartbeatAnswer: Sendable, Equatable {
    public var lastHeartbeat: Timestamp?
    public var leaseExtended: Bool
    public var state: WorkState
    public var leaseSeconds: Int
}

extension Store {
    /// Extends the lease of an item by compare-and-set (self-hosted-sandboxes §3.3).
    ///
    /// - Parameters:
    ///   - expected: nil for `NO_HEARTBEAT`.
    ///   - isHolder: true when the caller's token names the present claim. Then the value before the stored one is
    ///     accepted too: a beat whose answer was lost is repeated with it.
    /// - Throws: `WireError` 404; 412 with the present state when `expected` is not what is stored.
    public func heartbeat(
        _ id: WorkID, environment: EnvironmentID, expected: Timestamp?, leaseSeconds: Int?, isHolder: Bool
    ) async throws -> HeartbeatAnswer {
        let now = clock.now()
        return try await database.write { connection in
            let work = try Self.requiredWork(id, environment: environment, connection)
            let seconds = leaseSeconds ?? work.leaseSeconds
            switch work.state {
            case .stopping, .stopped:
                return HeartbeatAnswer(
                    lastHeartbeat: work.heartbeatAt ?? now, leaseExtended: false, state: work.state,
                    leaseSeconds: work.leaseSeconds)
            case .queued:
                throw Self.preconditionFailed(work)
            case .starting, .active:
                let isRepeat = isHolder && work.heartbeatAt != nil && expected == work.previousHeartbeatAt
                guard expected == work.heartbeatAt || isRepeat else { throw Self.preconditionFailed(work) }
                let beat = max(
                    now, (work.heartbeatAt ?? now).advanced(by: .microseconds(work.heartbeatAt == nil ? 0 : 1)))
                try connection.execute(
                    """
                    UPDATE work SET state = 'active', started_at = ?, heartbeat_at = ?, previous_heartbeat_at = ?,
                        lease_seconds = ?, lease_expires_at = ? WHERE id = ?
                    """,
                    SQLValue(work.startedAt ?? now), SQLValue(beat), SQLValue(expected), SQLValue(seconds),
                    SQLValue(now.advanced(by: .seconds(seconds))), SQLValue(id))
                return HeartbeatAnswer(
                    lastHeartbeat: beat, leaseExtended: true, state: .active, leaseSeconds: seconds)
            }
        }
    }

    private static func preconditionFailed(_ work: WorkRecord) -> WireError {
        WireError(
            status: 412, type: "invalid_request_error",
            message: "work item \(work.id) has another last heartbeat: its lease was lost",
            details: [
                "error_code": "heartbeat_precondition_failed",
                "current_state": [
                    "last_heartbeat": JSON(work.heartbeatAt), "lease_extended": false,
                    "state": .string(work.state.rawValue), "ttl_seconds": JSON(work.leaseSeconds),
                ],
            ])
    }

    /// Stops an item: at once with `force` or when nobody holds it, otherwise by telling its holder.
    ///
    /// When the session still has calls for a worker, a new item is enqueued: it must not wait for ever.
    /// - Throws: `WireError` 404; 409 when it is stopped already.
    public func stopWork(_ id: WorkID, environment: EnvironmentID, force: Bool) async throws -> WorkRecord {
        let now = clock.now()
        let nextID = WorkID.make(ids)
        let (work, isRequeued) = try await database.write { connection in
            var work = try Self.requiredWork(id, environment: environment, connection)
            guard work.state != .stopped else { throw WireError.conflict("work item \(id) is already stopped") }
            work.stopRequestedAt = work.stopRequestedAt ?? now
            if force || work.state == .queued {
                work.state = .stopped
                work.stoppedAt = now
                work.leaseExpiresAt = nil
            } else {
                work.state = .stopping
            }
            try connection.execute(
                "UPDATE work SET state = ?, stop_requested_at = ?, stopped_at = ?, lease_expires_at = ? WHERE id = ?",
                SQLValue(work.state.rawValue), SQLValue(work.stopRequestedAt), SQLValue(work.stoppedAt),
                SQLValue(work.leaseExpiresAt), SQLValue(id))
            guard work.state == .stopped else { return (work, false) }
            return (work, try Self.requeue(after: work, as: nextID, now: now, connection))
        }
        if isRequeued { raiseWork(environment: work.environmentID, kind: work.environmentKind) }
        return work
    }

    /// Enqueues a successor for a stopped item whose session still waits for a worker.
    private static func requeue(
        after work: WorkRecord, as id: WorkID, now: Timestamp, _ connection: any SQLConnection
    ) throws -> Bool {
        guard
            let row = try connection.first(
                "SELECT \(SessionRecord.columns) FROM sessions WHERE id = ?", SQLValue(work.sessionID))
        else { return false }
        let session = try SessionRecord(row: row)
        let isWaiting = try OpenCall.all(of: work.sessionID, connection).contains { call in
            call.kind == .sandbox && (call.permission == "allow" || call.verdict == "allow")
        }
        guard session.status != .terminated, isWaiting else { return false }
        try WorkQueue.ensure(id, for: session, now: now, connection)
        return true
    }

    /// What became of leases that ran out.
    public struct ExpiredLeases: Sendable, Equatable {
        public var requeued = 0
        /// Sessions whose items were lost too often; the orchestrator ends their calls.
        public var stranded: [SessionID] = []
    }

    /// Puts items whose lease ran out back into the queue, up to `limit` times per item, and settles stopping ones.
    public func expireWorkLeases(limit: Int) async throws -> ExpiredLeases {
        let now = clock.now()
        let due = try await database.read { connection in
            try connection.first(
                "SELECT 1 FROM work WHERE lease_expires_at IS NOT NULL AND lease_expires_at < ? LIMIT 1", SQLValue(now))
        }
        guard due != nil else { return ExpiredLeases() }
        let (result, raised) = try await database.write { connection in
            var result = ExpiredLeases()
            var raised: [(String, EnvironmentType)] = []
            let rows = try connection.query(
                """
                SELECT \(WorkRecord.columns) FROM work WHERE lease_expires_at IS NOT NULL AND lease_expires_at < ?
                ORDER BY lease_expires_at LIMIT 256
                """, SQLValue(now))
            for work in try rows.map({ try WorkRecord(row: $0) }) {
                if work.state == .stopping || work.lostLeases + 1 >= limit {
                    try connection.execute(
                        "UPDATE work SET state = 'stopped', stopped_at = ?, lease_expires_at = NULL WHERE id = ?",
                        SQLValue(now), SQLValue(work.id))
                    if work.state != .stopping {
                        result.stranded.append(work.sessionID)
                        try giveUpCalls(of: work, now: now, connection)
                    }
                    continue
                }
                let lastSeq = try EventLog.lastSeq(of: work.sessionID, connection)
                try connection.execute(
                    """
                    UPDATE work SET state = 'queued', queued_at = ?, claimed_at = NULL, token_hash = NULL,
                        acknowledged_at = NULL, heartbeat_at = NULL, previous_heartbeat_at = NULL,
                        lease_expires_at = NULL, lost_leases = lost_leases + 1, lost_seq = ? WHERE id = ?
                    """, SQLValue(now), SQLValue(lastSeq), SQLValue(work.id))
                result.requeued += 1
                raised.append((work.environmentID, work.environmentKind))
            }
            return (result, raised)
        }
        for (environment, kind) in raised { raiseWork(environment: environment, kind: kind) }
        for session in result.stranded { signals.raise(.events(session)) }
        if !result.stranded.isEmpty { signals.raise(.runnable) }
        return result
    }

    /// Answers the calls of a session that lost its worker too often with an error, and says so in `session.error`: a call
    /// that kills every worker must not go round for ever.
    private func giveUpCalls(of work: WorkRecord, now: Timestamp, _ connection: any SQLConnection) throws {
        let message = "\(work.lostLeases + 1) workers vanished while they served this session"
        var entries = [
            LogEntry(
                Event(
                    id: EventID.make(ids), type: .sessionError, processedAt: now,
                    fields: [
                        "error": [
                            "type": "unknown_error", "message": .string(message), "retry_status": ["type": "exhausted"],
                        ]
                    ]))
        ]
        for call in try OpenCall.all(of: work.sessionID, connection) where call.kind == .sandbox {
            guard call.permission == "allow" || call.verdict == "allow" else { continue }
            let text = "The call was given up: \(message). It may have run partly."
            entries.append(
                LogEntry(
                    Event(
                        id: EventID.make(ids), type: .agentToolResult, processedAt: now,
                        fields: [
                            "tool_use_id": .string(call.id), "content": [["type": "text", "text": .string(text)]],
                            "is_error": true,
                        ])))
        }
        let lastSeq = try EventLog.lastSeq(of: work.sessionID, connection) ?? 0
        _ = try EventLog.append(
            entries, to: work.sessionID, of: work.workspaceID, after: lastSeq, trail(at: now), connection)
        try connection.execute(
            "UPDATE sessions SET runnable_at = ? WHERE id = ?", SQLValue(now), SQLValue(work.sessionID))
    }
}
