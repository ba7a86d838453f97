internal import Hummingbird
internal import Models
internal import Store
internal import Wire

/// `/v1/agents` (reference api-core §1).
extension API {
    private var agentRequest: AgentRequest {
        AgentRequest(models: ModelCatalogue { [models] in models.resolve($0)?.info.defaultEffort })
    }

    func addAgents(to routes: Routes) {
        routes.post { try await createAgent($0, $1) }
        routes.get { try await listAgents($0, $1) }
        routes.get(":agent") { try await retrieveAgent($0, $1) }
        routes.post(":agent") { try await updateAgent($0, $1) }
        routes.post(":agent/archive") { try await archiveAgent($0, $1) }
        routes.get(":agent/versions") { try await listAgentVersions($0, $1) }
    }

    private func createAgent(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let members = try agentRequest.create(try await request.json(limit: bodyLimit))
        let now = clock.now()
        let id = AgentID.make(ids)
        let agent = AgentRequest.object(members, id: id, at: now)
        try await store(for: access).createAgent(id, body: agent, workspace: access.workspace, at: now)
        return .json(agent)
    }

    private func retrieveAgent(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        var query = try QueryReader(request)
        let version = try query.int("version", 1...Int(Int32.max))
        try query.finish()
        let id = try context.id("agent", AgentID.self, "agent")
        guard let agent = try await store.agent(id.rawValue, workspace: access.workspace, version: version) else {
            throw WireError.notFound("no agent with id \(id)" + (version.map { " and version \($0)" } ?? ""))
        }
        return .json(agent)
    }

    private func updateAgent(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let id = try context.id("agent", AgentID.self, "agent")
        let body = try await request.json(limit: bodyLimit)
        let checks = agentRequest
        return .json(
            try await store(for: access).updateAgent(id, workspace: access.workspace) { current in
                try checks.update(current, with: body)
            })
    }

    private func archiveAgent(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try await request.refuseMembers(limit: bodyLimit)
        let id = try context.id("agent", AgentID.self, "agent")
        return .json(try await store(for: access).archiveAgent(id, workspace: access.workspace))
    }

    private func listAgents(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        var query = try QueryReader(request)
        let page = try ObjectPage(&query, list: "agents", maximum: 100, hasTimes: true)
        try query.finish()
        return page.response(try await store.agents(workspace: access.workspace, page.query))
    }

    private func listAgentVersions(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        let id = try context.id("agent", AgentID.self, "agent")
        var query = try QueryReader(request)
        let limit = try query.int("limit", 1...100) ?? 20
        let place = try Cursor.decode(try query.text("page"), "agent_versions")
        try query.finish()
        let before = place?.first?.intValue
        guard place == nil || before != nil else { throw Cursor.invalid }
        let versions = try await store.agentVersions(
            id, workspace: access.workspace, before: before, limit: limit + 1)
        let shown = versions.prefix(limit)
        let next = versions.count > limit ? shown.last.map { Cursor.encode("agent_versions", [JSON($0.version)]) } : nil
        return .page(shown.map(\.body), next: next)
    }
}
