internal import Store
internal import Wire

/// Every right there is, in one table (reference api-core §0.10, self-hosted-sandboxes §2).
///
/// A known credential without the right gets 403. Objects of another workspace are not found at all.
extension Access {
    /// Agents, environments, vaults, keys, models, and every write to a session that is not an event.
    func requireAdministration() throws(WireError) {
        guard isAdministrator else { throw Self.denied("needs an API key") }
    }

    /// Keys and workspaces beyond the caller's own workspace.
    func requireOrganization() throws(WireError) {
        guard case .organization = credential else { throw Self.denied("needs the organisation's own key") }
    }

    /// `sessions.retrieve`, `events.list`, `events.stream`, `events.send`, and threads.
    func requireSession(_ session: SessionRecord) throws(WireError) {
        switch credential {
        case .organization, .workspace: return
        case .environment(let id) where id == session.environmentID: return
        case .work(let item) where item.sessionID == session.id: return
        case .environment, .cloudWorker, .work: throw Self.denied("is not for this session")
        }
    }

    /// What only the worker that serves a session may do: its token names the session.
    func requireService(of session: SessionRecord) throws(WireError) {
        guard case .work(let item) = credential, item.sessionID == session.id else {
            throw Self.denied("does not serve this session")
        }
    }

    /// `work.poll`.
    func requirePoll(_ scope: QueueScope) throws(WireError) {
        switch (credential, scope) {
        case (.environment(let own), .environment(let id)) where own == id.rawValue: return
        case (.cloudWorker, .allCloud): return
        default: throw Self.denied("may not poll this queue: use the environment's own key")
        }
    }

    /// `work.ack`.
    func requireAcknowledge(_ item: WorkRecord) throws(WireError) {
        guard isQueueKey(for: item) else { throw Self.denied("may not acknowledge this item") }
    }

    /// `work.heartbeat`.
    func requireHeartbeat(_ item: WorkRecord) throws(WireError) {
        guard isQueueKey(for: item) || holds(item) else { throw Self.denied("may not extend this lease") }
    }

    /// `work.stop`.
    func requireStop(_ item: WorkRecord) throws(WireError) {
        guard isAdministrator || isQueueKey(for: item) || holds(item) else {
            throw Self.denied("may not stop this item")
        }
    }

    /// `work.list`: the environment's key alone; API keys are refused by the public API too.
    func requireWorkList(_ environment: EnvironmentID) throws(WireError) {
        guard case .environment(let own) = credential, own == environment.rawValue else {
            throw Self.denied("may not list this queue: use the environment's own key")
        }
    }

    /// `work.stats`.
    func requireStats(_ environment: EnvironmentID) throws(WireError) {
        switch credential {
        case .organization, .workspace: return
        case .environment(let own) where own == environment.rawValue: return
        case .environment, .cloudWorker, .work: throw Self.denied("may not read this queue")
        }
    }

    /// True when the caller's token names the present claim of an item.
    func holds(_ item: WorkRecord) -> Bool {
        guard case .work(let own) = credential else { return false }
        return own.id == item.id && own.claim == item.claim
    }

    private func isQueueKey(for item: WorkRecord) -> Bool {
        switch credential {
        case .environment(let own): own == item.environmentID
        case .cloudWorker: item.environmentKind == .cloud
        case .organization, .workspace, .work: false
        }
    }

    private static func denied(_ reason: String) -> WireError { .forbidden("this credential \(reason)") }
}
