internal import Hummingbird
internal import Store
internal import Wire

/// `GET /v1/organizations/audit`, an extension: the lines of the audit chain, for the organisation's key alone. A line is sent as
/// text, since its hash is over its bytes.
extension API {
    func addAudit(to routes: Routes) {
        routes.get { try await listAudit($0, $1) }
    }

    private func listAudit(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.caller().requireOrganization()
        var query = try QueryReader(request)
        let limit = try query.int("limit", 1...1000) ?? 100
        let order = try query.text("order") ?? "desc"
        let place = try Cursor.decode(try query.text("page"), "audit-\(order)")
        try query.finish()
        guard order == "asc" || order == "desc" else { throw WireError.invalid("order: must be asc or desc") }
        let after = place?.first?.intValue
        guard place == nil || after != nil else { throw Cursor.invalid }
        let lines = try await store.auditLines(after: after, ascending: order == "asc", limit: limit + 1)
        let shown = lines.prefix(limit)
        let next = lines.count > limit ? shown.last.map { Cursor.encode("audit-\(order)", [JSON($0.seq)]) } : nil
        return .page(
            shown.map { line in
                [
                    "type": "audit_line", "seq": JSON(line.seq), "hash": .string(line.hash), "line": .string(line.text),
                ]
            }, next: next)
    }
}

extension API {
    /// The store for what the caller does: its acts carry the caller's name in the audit chain.
    func store(for access: Access) -> Store { store.acting(as: access.actor) }
}

extension Access {
    var actor: AuditActor {
        switch credential {
        case .organization: AuditActor(.organizationKey, id: keyID)
        case .workspace: AuditActor(.apiKey, id: keyID)
        case .environment: AuditActor(.environmentKey, id: keyID)
        case .cloudWorker: AuditActor(.workerKey, id: keyID)
        case .work(let item): AuditActor(.work, id: item.id.rawValue)
        }
    }
}
