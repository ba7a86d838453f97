internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/environments` (reference api-core §2).
extension API {
    func addEnvironments(to routes: Routes) {
        routes.post { try await createEnvironment($0, $1) }
        routes.get { try await listEnvironments($0, $1) }
        routes.get(":environment") { try await retrieveEnvironment($0, $1) }
        routes.post(":environment") { try await updateEnvironment($0, $1) }
        routes.delete(":environment") { try await deleteEnvironment($0, $1) }
        routes.post(":environment/archive") { try await archiveEnvironment($0, $1) }
    }

    private func createEnvironment(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let now = clock.now()
        let id = EnvironmentID.make(ids)
        let (object, kind) = try EnvironmentRequest.create(try await request.json(limit: bodyLimit), id: id, at: now)
        try await store(for: access).createEnvironment(
            id, kind: kind, body: object, workspace: access.workspace, at: now)
        return .json(object)
    }

    private func retrieveEnvironment(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        return .json(try await requiredEnvironment(try environmentID(context), access))
    }

    private func updateEnvironment(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let id = try environmentID(context)
        let body = try await request.json(limit: bodyLimit)
        return .json(
            try await store(for: access).updateEnvironment(id, workspace: access.workspace) { current in
                try EnvironmentRequest.update(current, with: body)
            })
    }

    private func archiveEnvironment(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try await request.refuseMembers(limit: bodyLimit)
        return .json(
            try await store(for: access).archiveEnvironment(try environmentID(context), workspace: access.workspace))
    }

    private func deleteEnvironment(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let id = try environmentID(context)
        try await store(for: access).deleteEnvironment(id, workspace: access.workspace)
        authenticator.forget()
        return .json(["id": .string(id.rawValue), "type": "environment_deleted"])
    }

    private func listEnvironments(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        var query = try QueryReader(request)
        let page = try ObjectPage(&query, list: "environments", maximum: 1000)
        try query.finish()
        return page.response(try await store.environments(workspace: access.workspace, page.query))
    }

    /// - Throws: ``WireError`` 404.
    func requiredEnvironment(_ id: EnvironmentID, _ access: Access) async throws -> JSON {
        guard let environment = try await store.environment(id.rawValue, workspace: access.workspace) else {
            throw WireError.notFound("no environment with id \(id)")
        }
        return environment
    }
}
