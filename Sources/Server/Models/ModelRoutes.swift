internal import Hummingbird
internal import Models
internal import Wire

/// `/v1/models` (reference api-core §9.5): what the configured back ends serve.
extension API {
    func addModels(to routes: Routes) {
        routes.get { try listModels($0, $1) }
        routes.get(":model") { request, context -> Response in
            _ = try context.administrator()
            try QueryReader(request).finish()
            let id = context.text("model")
            guard let model = models.resolve(id) else {
                throw WireError.notFound("no model with id \(id.prefix(128))")
            }
            return .json(model.info.json)
        }
    }

    private func listModels(_ request: Request, _ context: APIContext) throws -> Response {
        _ = try context.administrator()
        var query = try QueryReader(request)
        let limit = try query.int("limit", 1...1000) ?? 20
        let after = try query.text("after_id")
        let before = try query.text("before_id")
        let lifecycles = try query.list("lifecycle")
        try query.finish()
        guard after == nil || before == nil else { throw WireError.invalid("after_id: not together with before_id") }
        var infos = models.models.filter { lifecycles.isEmpty || lifecycles.contains($0.lifecycle) }[...]
        if let id = after ?? before {
            guard let index = infos.firstIndex(where: { $0.id == id }) else {
                throw WireError.invalid(
                    "\(after == nil ? "before_id" : "after_id"): no model with id \(id.prefix(128))")
            }
            infos = after == nil ? infos[..<index] : infos[(index + 1)...]
        }
        let hasMore = infos.count > limit
        let shown = before == nil ? infos.prefix(limit) : infos.suffix(limit)
        return .json([
            "data": .array(shown.map(\.json)), "has_more": .bool(hasMore), "first_id": JSON(shown.first?.id),
            "last_id": JSON(shown.last?.id),
        ])
    }
}
