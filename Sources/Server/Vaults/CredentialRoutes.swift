internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/vaults/{id}/credentials` (reference api-core §6). No answer holds a secret.
extension API {
    func addCredentials(to routes: Routes) {
        routes.post { try await createCredential($0, $1) }
        routes.get { try await listCredentials($0, $1) }
        routes.get(":credential") { request, context -> Response in
            let access = try context.administrator()
            try QueryReader(request).finish()
            return .json(
                try await store.credential(
                    try credentialID(context), vault: try vaultID(context), workspace: access.workspace
                ).body)
        }
        routes.post(":credential") { try await updateCredential($0, $1) }
        routes.delete(":credential") { try await deleteCredential($0, $1) }
        routes.post(":credential/archive") { request, context -> Response in
            let access = try context.administrator()
            try await request.refuseMembers(limit: bodyLimit)
            return .json(
                try await store(for: access).archiveCredential(
                    try credentialID(context), vault: try vaultID(context), workspace: access.workspace))
        }
    }

    func credentialID(_ context: APIContext) throws(WireError) -> CredentialID {
        try context.id("credential", CredentialID.self, "credential")
    }

    private func createCredential(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let vault = try vaultID(context)
        let now = clock.now()
        let id = CredentialID.make(ids)
        let new = try CredentialRequest.create(
            try await request.json(limit: bodyLimit), id: id, vault: vault, at: now)
        try await store(for: access).createCredential(new, id: id, vault: vault, workspace: access.workspace, at: now)
        return .json(new.object)
    }

    private func updateCredential(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let body = try await request.json(limit: bodyLimit)
        let now = clock.now()
        return .json(
            try await store(for: access).updateCredential(
                try credentialID(context), vault: try vaultID(context), workspace: access.workspace
            ) { current in
                try CredentialRequest.update(current, with: body, at: now)
            })
    }

    private func deleteCredential(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        try QueryReader(request).finish()
        let id = try credentialID(context)
        try await store(for: access).deleteCredential(id, vault: try vaultID(context), workspace: access.workspace)
        return .json(["id": .string(id.rawValue), "type": "vault_credential_deleted"])
    }

    private func listCredentials(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        let vault = try vaultID(context)
        var query = try QueryReader(request)
        let page = try ObjectPage(&query, list: "credentials", maximum: 100)
        try query.finish()
        return page.response(try await store.credentials(of: vault, workspace: access.workspace, page.query))
    }
}
