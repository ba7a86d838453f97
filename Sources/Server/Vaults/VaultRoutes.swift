internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/vaults` (reference api-core §6).
extension API {
    func addVaults(to routes: Routes) {
        routes.post { try await createVault($0, $1) }
        routes.get { try await listVaults($0, $1) }
        routes.get(":vault") { request, context -> Response in
            let access = try context.administrator()
            try QueryReader(request).finish()
            return .json(try await store.vault(try vaultID(context), workspace: access.workspace))
        }
        routes.post(":vault") { try await updateVault($0, $1) }
        routes.delete(":vault") { try await deleteVault($0, $1) }
        routes.post(":vault/archive") { request, context -> Response in
            let access = try context.administrator()
            try await request.refuseMembers(limit: bodyLimit)
            return .json(try await store(for: access).archiveVault(try vaultID(context), workspace: access.workspace))
        }
    }

    func vaultID(_ context: APIContext) throws(WireError) -> VaultID {
        try context.id("vault", VaultID.self, "vault")
    }

    private func createVault(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let now = clock.now()
        let id = VaultID.make(ids)
        let object = try VaultRequest.create(try await request.json(limit: bodyLimit), id: id, at: now)
        try await store(for: access).createVault(id, body: object, workspace: access.workspace, at: now)
        return .json(object)
    }

    private func updateVault(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let body = try await request.json(limit: bodyLimit)
        return .json(
            try await store(for: access).updateVault(try vaultID(context), workspace: access.workspace) { current in
                try VaultRequest.update(current, with: body)
            })
    }

    private func deleteVault(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let id = try vaultID(context)
        try await store(for: access).deleteVault(id, workspace: access.workspace)
        return .json(["id": .string(id.rawValue), "type": "vault_deleted"])
    }

    private func listVaults(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        var query = try QueryReader(request)
        let page = try ObjectPage(&query, list: "vaults", maximum: 100)
        try query.finish()
        return page.response(try await store.vaults(workspace: access.workspace, page.query))
    }
}
