internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/sessions` (reference api-core §3).
extension API {
    func addSessions(to routes: Routes) {
        routes.post { try await createSession($0, $1) }
        routes.get { try await listSessions($0, $1) }
        routes.get(":session") { try await retrieveSession($0, $1) }
        routes.post(":session") { try await updateSession($0, $1) }
        routes.delete(":session") { try await deleteSession($0, $1) }
        routes.post(":session/archive") { try await archiveSession($0, $1) }
        routes.get(":session/resources") { try await listResources($0, $1) }
        routes.post(":session/resources") { try await addResource($0, $1) }
    }

    /// The session of the path, when the caller may read it.
    /// - Throws: ``WireError`` 404, 403.
    func readableSession(_ context: APIContext) async throws -> (SessionRecord, Access) {
        let access = try context.caller()
        let id = try context.id("session", SessionID.self, "session")
        guard let session = try await store.session(id, workspace: access.workspace) else {
            throw WireError.notFound("no session with id \(id)")
        }
        try access.requireSession(session)
        return (session, access)
    }

    private func createSession(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let new = try SessionRequest(try await request.json(limit: bodyLimit))
        guard
            let agent = try await store.agent(new.agentID, workspace: access.workspace, version: new.agentVersion),
            let version = agent["version"]?.intValue
        else {
            throw WireError.notFound(
                "agent: no agent with id \(new.agentID.prefix(128))"
                    + (new.agentVersion.map { " and version \($0)" } ?? ""))
        }
        guard agent["archived_at"]?.isNull ?? true else {
            throw WireError.invalid("agent: agent \(new.agentID) is archived")
        }
        guard let environment = try await store.environment(new.environmentID, workspace: access.workspace),
            let kind = environment["config"]?["type"]?.stringValue.flatMap({ EnvironmentType(rawValue: $0) })
        else { throw WireError.notFound("environment_id: no environment with id \(new.environmentID.prefix(128))") }
        guard environment["archived_at"]?.isNull ?? true else {
            throw WireError.invalid("environment_id: environment \(new.environmentID) is archived")
        }
        let session = try await store(for: access).createSession(
            NewSession(
                workspaceID: access.workspace, environmentID: new.environmentID, environmentKind: kind,
                agent: AgentRequest.snapshot(agent), agentID: new.agentID, agentVersion: version, title: new.title,
                metadata: new.metadata, vaultIDs: new.vaultIDs, initialEvents: new.initialEvents))
        return .json(session.json(at: clock.now()))
    }

    private func retrieveSession(_ request: Request, _ context: APIContext) async throws -> Response {
        try QueryReader(request).finish()
        return .json(try await readableSession(context).0.json(at: clock.now()))
    }

    private func updateSession(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let id = try context.id("session", SessionID.self, "session")
        var reader = try ObjectReader(try await request.json(limit: bodyLimit))
        let title = try reader.optionalString("title", length: 1...500)
        let patch = reader.raw("metadata")
        for key in ["agent", "budget", "vault_ids"] {
            guard case .value = reader.field(key) else { continue }
            throw WireError.invalid("\(key): cannot be changed on this server")
        }
        try reader.finish()
        let session = try await store(for: access).updateSession(id, workspace: access.workspace, title: title) {
            current in
            try Metadata.apply(patch, to: current, emptyDeletes: false)
        }
        return .json(session.json(at: clock.now()))
    }

    private func archiveSession(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try await request.refuseMembers(limit: bodyLimit)
        let id = try context.id("session", SessionID.self, "session")
        return .json(try await store(for: access).archiveSession(id, workspace: access.workspace).json(at: clock.now()))
    }

    private func deleteSession(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let id = try context.id("session", SessionID.self, "session")
        try await store(for: access).deleteSession(id, workspace: access.workspace)
        return .json(["id": .string(id.rawValue), "type": "session_deleted"])
    }

    private func listResources(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try await readableSession(context)
        var query = try QueryReader(request)
        _ = try query.int("limit", 1...1000)
        guard try query.text("page") == nil else { throw Cursor.invalid }
        try query.finish()
        return .page([], next: nil)
    }

    private func addResource(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try await readableSession(context)
        throw WireError.invalid("resources are not supported by this server")
    }
}
