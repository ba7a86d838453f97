public import Wire

extension Store {
    /// Sees to it that a worker serves a session, also one without calls.
    /// - Throws: `WireError` 404; 409 for a session that is terminated or archived.
    public func requestWorker(for session: SessionID, workspace: String) async throws {
        let now = clock.now()
        let id = WorkID.make(ids)
        let record = try await database.write { connection in
            let record = try Self.required(session, workspace: workspace, connection)
            guard record.status != .terminated, record.archivedAt == nil else { throw Self.terminated(session) }
            try WorkQueue.ensure(id, for: record, now: now, connection)
            return record
        }
        raiseWork(environment: record.environmentID, kind: record.environmentKind)
    }
}
