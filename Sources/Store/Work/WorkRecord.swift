public import Wire

/// One row of `work`.
public struct WorkRecord: Sendable {
    public var id: WorkID
    public var workspaceID: String
    public var environmentID: String
    public var environmentKind: EnvironmentType
    public var sessionID: SessionID
    public var state: WorkState
    public var metadata: JSON
    public var createdAt: Timestamp
    public var queuedAt: Timestamp
    public var claimedAt: Timestamp?
    /// Counts claims: the fencing number of the holder.
    public var claim: Int
    public var tokenHash: String?
    public var acknowledgedAt: Timestamp?
    public var startedAt: Timestamp?
    public var heartbeatAt: Timestamp?
    public var previousHeartbeatAt: Timestamp?
    public var leaseSeconds: Int
    public var leaseExpiresAt: Timestamp?
    public var stopRequestedAt: Timestamp?
    public var stoppedAt: Timestamp?
    public var lostLeases: Int
    /// The session's last event number when the latest lease was lost: calls up to it may have been started.
    public var lostSeq: Int?

    static let columns = """
        id, workspace_id, environment_id, environment_kind, session_id, state, metadata, created_at, queued_at, \
        claimed_at, claim, token_hash, acknowledged_at, started_at, heartbeat_at, previous_heartbeat_at, lease_seconds, \
        lease_expires_at, stop_requested_at, stopped_at, lost_leases, lost_seq
        """

    init(row: SQLRow) throws {
        guard let id = WorkID(row.text(0)), let kind = EnvironmentType(rawValue: row.text(3)),
            let session = SessionID(row.text(4)), let state = WorkState(rawValue: row.text(5))
        else { throw StoreError(.corrupt, "unreadable work row") }
        self.id = id
        workspaceID = row.text(1)
        environmentID = row.text(2)
        environmentKind = kind
        sessionID = session
        self.state = state
        metadata = try JSON(stored: row.bytes(6))
        createdAt = row.timestamp(7)
        queuedAt = row.timestamp(8)
        claimedAt = row.optionalTimestamp(9)
        claim = row.integer(10)
        tokenHash = row.optionalText(11)
        acknowledgedAt = row.optionalTimestamp(12)
        startedAt = row.optionalTimestamp(13)
        heartbeatAt = row.optionalTimestamp(14)
        previousHeartbeatAt = row.optionalTimestamp(15)
        leaseSeconds = row.integer(16)
        leaseExpiresAt = row.optionalTimestamp(17)
        stopRequestedAt = row.optionalTimestamp(18)
        stoppedAt = row.optionalTimestamp(19)
        lostLeases = row.integer(20)
        lostSeq = row.optionalInteger(21)
    }

    /// The `Work` object; only a poll passes a secret (reference api-core §2.4).
    public func json(secret: String? = nil) -> JSON {
        [
            "type": "work", "id": .string(id.rawValue), "environment_id": .string(environmentID),
            "data": ["type": "session", "id": .string(sessionID.rawValue)], "state": .string(state.rawValue),
            "metadata": metadata, "secret": JSON(secret), "created_at": JSON(createdAt),
            "acknowledged_at": JSON(acknowledgedAt), "started_at": JSON(startedAt),
            "latest_heartbeat_at": JSON(heartbeatAt), "stop_requested_at": JSON(stopRequestedAt),
            "stopped_at": JSON(stoppedAt),
        ]
    }
}
