public import Wire

/// What a key may do.
public enum KeyKind: String, Sendable {
    /// Everything in its workspace, and keys and workspaces of the whole installation.
    case organization
    /// Everything in one workspace.
    case api
    /// The queue of one environment, and the sessions of that environment.
    case environment
    /// The queues of all cloud environments: for the operator's own workers.
    case cloudWorker = "cloud_worker"

    /// How a secret of this kind begins.
    public var prefix: String {
        switch self {
        case .organization: "sk-ant-admin01-"
        case .api: "sk-ant-api03-"
        case .environment: "sk-ant-oat01-"
        case .cloudWorker: "sk-ant-wrk01-"
        }
    }
}

/// One row of `keys`. The secret itself is never stored.
public struct KeyRecord: Sendable {
    public var id: String
    public var workspaceID: String
    public var kind: KeyKind
    public var name: String
    /// Enough of the secret to recognise it.
    public var hint: String
    public var environmentID: String?
    public var createdAt: Timestamp
    public var expiresAt: Timestamp?
    public var archivedAt: Timestamp?

    static let columns = "id, workspace_id, kind, name, hint, environment_id, created_at, expires_at, archived_at"

    init(row: SQLRow) throws {
        guard let kind = KeyKind(rawValue: row.text(2)) else { throw StoreError(.corrupt, "unreadable key row") }
        id = row.text(0)
        workspaceID = row.text(1)
        self.kind = kind
        name = row.text(3)
        hint = row.text(4)
        environmentID = row.optionalText(5)
        createdAt = row.timestamp(6)
        expiresAt = row.optionalTimestamp(7)
        archivedAt = row.optionalTimestamp(8)
    }

    public func isValid(at now: Timestamp) -> Bool {
        archivedAt == nil && expiresAt.map { $0 > now } ?? true
    }
}
