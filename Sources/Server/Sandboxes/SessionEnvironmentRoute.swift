internal import Hummingbird
internal import ServiceLifecycle
internal import Store
internal import Wire

/// `GET /v1/sessions/{id}/sandbox/environment`, an extension: the configuration of the session's environment as it is now, so
/// that its rules count for running sessions. Only the token of an acknowledged item whose lease is in force gets it.
extension API {
    func addSessionEnvironment(to routes: Routes) {
        routes.get { try await sessionEnvironment($0, $1) }
    }

    private func sessionEnvironment(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, access) = try await readableSession(context)
        try access.requireService(of: session)
        guard case .work(let claim) = access.credential else {
            throw WireError.forbidden("this credential does not serve this session")
        }
        var query = try QueryReader(request)
        let known = try query.text("revision")
        let wait = try query.int("wait_ms", 0...60_000) ?? 0
        try query.finish()
        let environment = try await environment(of: session.id, for: claim, known: known, within: .milliseconds(wait))
        return .json(environment?.json ?? .null)
    }

    /// Nil when nothing changed in time. Every look checks the lease again.
    private func environment(
        of session: SessionID, for claim: WorkRecord, known: String?, within limit: Duration
    ) async throws -> SessionEnvironment? {
        guard let id = EnvironmentID(claim.environmentID) else {
            throw WireError.notFound("no environment with id \(claim.environmentID)")
        }
        let deadline = ContinuousClock.now.advanced(by: limit)
        return try await cancelWhenGracefulShutdown {
            while true {
                let mark = store.signals.mark(.environment(id))
                if let environment = try await store.sessionEnvironment(of: session, for: claim, known: known) {
                    return environment
                }
                let left = ContinuousClock.now.duration(to: deadline)
                guard left > .zero, !Task.isCancelled else { return nil }
                await store.signals.wait(for: .environment(id), since: mark, timeout: left)
            }
        }
    }
}
