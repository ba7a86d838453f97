internal import Crypto
public import Wire

/// What the worker of a session needs to know of its environment while it serves it.
public struct SessionEnvironment: Sendable, Equatable {
    /// Changes with every change of the other members.
    public var revision: String
    public var config: JSON
    /// What it asks of its sandboxes.
    public var sandbox: JSON
    public var isArchived: Bool

    init(_ environment: JSON) {
        config = environment["config"] ?? .null
        sandbox = SandboxPreferences.members(of: environment["metadata"])
        isArchived = !(environment["archived_at"]?.isNull ?? true)
        let known: JSON = ["config": config, "sandbox": sandbox, "archived": .bool(isArchived)]
        revision = Base64.encodeURLSafe(Array(SHA256.hash(data: known.bytes).prefix(12)))
    }

    public var json: JSON {
        [
            "type": "session_environment", "revision": .string(revision), "environment": config,
            "sandbox": sandbox, "archived": .bool(isArchived),
        ]
    }
}

extension Store {
    /// The environment of a session as it is now, for the holder of the session's lease.
    /// - Parameters:
    ///   - claim: the claim by which the caller serves the session.
    ///   - known: the revision that the caller has.
    /// - Returns: nil when `known` is the present revision.
    /// - Throws: `WireError` 403 unless the claim is acknowledged, in force, and the latest; 404 when there is no such
    ///   environment any more.
    public func sessionEnvironment(
        of session: SessionID, for claim: WorkRecord, known: String?
    ) async throws -> SessionEnvironment? {
        let now = clock.now()
        let body = try await database.read { connection in
            try Self.requireLease(claim, of: session, now: now, connection)
            let row = try connection.first(
                "SELECT body FROM environments WHERE id = ?", SQLValue(claim.environmentID))
            return try row.map { try JSON(stored: $0.bytes(0)) }
        }
        guard let body else { throw WireError.notFound("no environment with id \(claim.environmentID)") }
        let environment = SessionEnvironment(body)
        return environment.revision == known ? nil : environment
    }
}
