internal import HTTPTypes
internal import Hummingbird
internal import ServiceLifecycle
internal import Store
internal import Wire

/// `GET /v1/sessions/{id}/sandbox/secrets`, an extension: what the session's worker puts in the place of placeholders. Only the
/// token of an acknowledged item whose lease is in force gets it; API keys and environment keys do not.
extension API {
    func addSessionSecrets(to routes: Routes) {
        routes.get { try await sessionSecrets($0, $1) }
    }

    private func sessionSecrets(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, access) = try await readableSession(context)
        try access.requireService(of: session)
        guard case .work(let claim) = access.credential else {
            throw WireError.forbidden("this credential does not serve this session")
        }
        var query = try QueryReader(request)
        let known = try query.text("revision")
        let wait = try query.int("wait_ms", 0...60_000) ?? 0
        try query.finish()
        let secrets = try await secrets(
            of: session.id, from: store(for: access), for: claim, known: known, within: .milliseconds(wait))
        var response = Response.json(secrets?.json ?? .null)
        response.headers[.cacheControl] = "no-store"
        return response
    }

    /// Nil when nothing changed in time. Every look checks the lease again.
    private func secrets(
        of session: SessionID, from store: Store, for claim: WorkRecord, known: String?, within limit: Duration
    ) async throws -> SessionSecrets? {
        let deadline = ContinuousClock.now.advanced(by: limit)
        return try await cancelWhenGracefulShutdown {
            while true {
                let mark = store.signals.mark(.secrets)
                if let secrets = try await store.sessionSecrets(of: session, for: claim, known: known) {
                    return secrets
                }
                let left = ContinuousClock.now.duration(to: deadline)
                guard left > .zero, !Task.isCancelled else { return nil }
                await store.signals.wait(for: .secrets, since: mark, timeout: left)
            }
        }
    }
}
