public import Wire

/// A line of the audit chain as it is stored.
public struct AuditLine: Sendable, Equatable {
    public var seq: Int
    /// SHA-256 of the line.
    public var hash: String
    /// The very bytes that are hashed.
    public var text: String
}

extension Store {
    /// The same store, whose writes say that `actor` made them.
    public func acting(as actor: AuditActor) -> Store {
        var store = self
        store.actor = actor
        return store
    }

    /// Appends a line about something that the store itself does not do.
    public func audit(_ action: AuditAction, _ subject: String, workspace: String, _ details: JSON) async throws {
        let trail = trail(at: clock.now())
        try await database.write { try trail.note(action, subject, workspace: workspace, details, $0) }
    }

    /// Lines of all workspaces, from the first behind (or, descending, before) `seq` on.
    public func auditLines(after seq: Int?, ascending: Bool, limit: Int) async throws -> [AuditLine] {
        let (comparison, order) = ascending ? (">", "ASC") : ("<", "DESC")
        return try await database.read { connection in
            try connection.query(
                "SELECT seq, hash, line FROM audit WHERE ? IS NULL OR seq \(comparison) ? ORDER BY seq \(order) LIMIT ?",
                SQLValue(seq), SQLValue(seq), SQLValue(limit)
            ).map { AuditLine(seq: $0.integer(0), hash: $0.text(1), text: $0.text(2)) }
        }
    }

    func trail(at now: Timestamp) -> AuditTrail { AuditTrail(actor: actor, at: now) }
}
