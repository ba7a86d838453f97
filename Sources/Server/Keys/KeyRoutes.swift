internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/organizations/api_keys` and `/v1/environments/{id}/keys`: ours, in the style of the public Admin API.
extension API {
    func addKeys(to routes: Routes) {
        routes.post { try await createKey($0, $1) }
        routes.get { request, context -> Response in
            try await listKeys(request, try context.administrator(), .api, environment: nil)
        }
        routes.get(":key") { request, context -> Response in
            let access = try context.administrator()
            try QueryReader(request).finish()
            return .json(try await store.key(context.text("key"), workspace: access.workspace).json)
        }
        routes.post(":key") { try await updateKey($0, $1) }
    }

    func addEnvironmentKeys(to routes: Routes) {
        routes.post { try await createEnvironmentKey($0, $1) }
        routes.get { request, context -> Response in
            let access = try context.administrator()
            let environment = try environmentID(context)
            _ = try await requiredEnvironment(environment, access)
            return try await listKeys(request, access, .environment, environment: environment.rawValue)
        }
        routes.delete(":key") { request, context -> Response in
            let access = try context.administrator()
            let key = try await store(for: access).revokeKey(
                context.text("key"), workspace: access.workspace, environment: try environmentID(context).rawValue)
            authenticator.forget()
            return .json(["id": .string(key.id), "type": "environment_key_deleted"])
        }
    }

    private func listKeys(
        _ request: Request, _ access: Access, _ kind: KeyKind, environment: String?
    ) async throws -> Response {
        var query = try QueryReader(request)
        let limit = try query.int("limit", 1...1000) ?? 20
        let place = try Cursor.decode(try query.text("page"), "keys")
        try query.finish()
        let before = place?.first?.stringValue
        guard place == nil || before != nil else { throw Cursor.invalid }
        let keys = try await store.keys(
            workspace: access.workspace, kind: kind, environment: environment, before: before, limit: limit + 1)
        let shown = keys.prefix(limit)
        let next = keys.count > limit ? shown.last.map { Cursor.encode("keys", [.string($0.id)]) } : nil
        return .page(shown.map(\.json), next: next)
    }

    private func createKey(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        var reader = try ObjectReader(try await request.json(limit: bodyLimit))
        let name = try reader.string("name", length: 1...500)
        let workspace = try reader.optionalString("workspace_id", length: 1...128).orNil ?? access.workspace
        try reader.finish()
        if workspace != access.workspace { try access.requireOrganization() }
        let (record, secret) = try await store(for: access).createKey(kind: .api, name: name, workspace: workspace)
        return .json(record.json(with: secret))
    }

    private func createEnvironmentKey(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        let environment = try environmentID(context)
        _ = try await requiredEnvironment(environment, access)
        var reader = try ObjectReader(try await request.optionalJSON(limit: bodyLimit))
        let name = try reader.optionalString("name", length: 1...500).orNil ?? "worker"
        try reader.finish()
        let (record, secret) = try await store(for: access).createKey(
            kind: .environment, name: name, workspace: access.workspace, environment: environment.rawValue)
        return .json(record.json(with: secret))
    }

    private func updateKey(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        let id = context.text("key")
        var reader = try ObjectReader(try await request.json(limit: bodyLimit))
        let name = try reader.optionalString("name", length: 1...500).orNil
        let status = try reader.optionalString("status").orNil
        try reader.finish()
        guard status == nil || status == "archived" || status == "active" else {
            throw WireError.invalid("status: must be active or archived")
        }
        var record = try await store.key(id, workspace: access.workspace)
        if status == "active", record.archivedAt != nil {
            throw WireError.invalid("status: a revoked key stays revoked; create another one")
        }
        if let name { record = try await store(for: access).renameKey(id, workspace: access.workspace, name: name) }
        if status == "archived" { record = try await store(for: access).revokeKey(id, workspace: access.workspace) }
        authenticator.forget()
        return .json(record.json)
    }
}

extension KeyRecord {
    var json: JSON {
        var json: JSON = [
            "type": .string(kind == .environment ? "environment_key" : "api_key"), "id": .string(id),
            "name": .string(name), "workspace_id": .string(workspaceID), "partial_key_hint": .string(hint),
            "status": .string(archivedAt == nil ? "active" : "archived"), "created_at": JSON(createdAt),
            "expires_at": JSON(expiresAt), "archived_at": JSON(archivedAt),
        ]
        if let environmentID { json["environment_id"] = .string(environmentID) }
        return json
    }

    /// The only answer that holds the key itself.
    func json(with secret: KeySecret) -> JSON {
        var json = json
        json["key"] = .string(secret.reveal())
        return json
    }
}
