internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/organizations/workspaces`: ours, in the style of the public Admin API.
extension API {
    func addWorkspaces(to routes: Routes) {
        routes.post { request, context -> Response in
            let access = try context.caller()
            try access.requireOrganization()
            var reader = try ObjectReader(try await request.json(limit: bodyLimit))
            let name = try reader.string("name", length: 1...256)
            try reader.finish()
            return .json(try await store(for: access).createWorkspace(name: name).json)
        }
        routes.get { request, context -> Response in
            try context.caller().requireOrganization()
            try QueryReader(request).finish()
            return .page(try await store.workspaces().map(\.json), next: nil)
        }
    }
}

extension WorkspaceRecord {
    var json: JSON {
        [
            "type": "workspace", "id": .string(id), "name": .string(name), "created_at": JSON(createdAt),
            "archived_at": .null,
        ]
    }
}
