internal import Store
internal import Wire

/// Who calls, as their credential proves it.
struct Access: Sendable {
    enum Credential: Sendable {
        /// The bootstrap key: everything, in every workspace it is asked to make keys for.
        case organization
        /// A workspace's API key.
        case workspace
        /// The key of one environment.
        case environment(String)
        /// The key of the operator's own workers: the queues of all cloud environments.
        case cloudWorker
        /// The token of a work item that is held now.
        case work(WorkRecord)
    }
    var credential: Credential
    var workspace: String
    /// Of the key; nil for the token of a work item.
    var keyID: String?

    /// True for keys that administer their workspace.
    var isAdministrator: Bool {
        switch credential {
        case .organization, .workspace: true
        case .environment, .cloudWorker, .work: false
        }
    }

    /// How the store treats events that this caller sends.
    var sender: EventSender { isAdministrator ? .client : .worker }
}
