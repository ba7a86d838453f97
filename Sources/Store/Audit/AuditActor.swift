internal import Wire

/// Who does what a line of the audit chain says.
public struct AuditActor: Sendable, Equatable {
    public enum Kind: String, Sendable {
        /// The server itself, or a command on its host.
        case system
        /// The agent of a session.
        case agent
        case organizationKey = "organization_key"
        case apiKey = "api_key"
        case environmentKey = "environment_key"
        case workerKey = "worker_key"
        /// The holder of a work item: the worker of a session.
        case work
        /// Whoever knows the address of a preview.
        case preview
    }
    public var kind: Kind
    /// Of the key, the work item; nil where there is none.
    public var id: String?

    public init(_ kind: Kind, id: String? = nil) {
        self.kind = kind
        self.id = id
    }

    var json: JSON { ["type": .string(kind.rawValue), "id": JSON(id)] }
}
