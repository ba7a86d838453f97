internal import HTTPTypes
internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/environments/{id}/work` but the poll (self-hosted-sandboxes §2, §3).
extension API {
    /// What workers send before an item's first heartbeat.
    private static let noHeartbeat = "NO_HEARTBEAT"

    func addWork(to routes: Routes) {
        routes.get { try await listWork($0, $1) }
        routes.get("poll") { try await pollWork($0, $1) }
        routes.post("ended") { try await endedSessions($0, $1) }
        routes.get("stats") { try await workStats($0, $1) }
        routes.get(":work") { request, context -> Response in
            _ = try context.administrator()
            try QueryReader(request).finish()
            return .json(try await item(context).0.json())
        }
        routes.post(":work") { try await updateWork($0, $1) }
        routes.post(":work/ack") { try await acknowledgeWork($0, $1) }
        routes.post(":work/heartbeat") { try await heartbeatWork($0, $1) }
        routes.post(":work/stop") { try await stopWork($0, $1) }
    }

    /// The item of the path, in the caller's reach.
    private func item(_ context: APIContext) async throws -> (WorkRecord, Access) {
        let access = try context.caller()
        let environment = try environmentID(context)
        let id = try context.id("work", WorkID.self, "work item")
        guard let item = try await store.work(id, environment: environment), isVisible(item, to: access) else {
            throw WireError.notFound("no work item with id \(id) in environment \(environment)")
        }
        return (item, access)
    }

    private func isVisible(_ item: WorkRecord, to access: Access) -> Bool {
        if case .cloudWorker = access.credential { return true }
        return item.workspaceID == access.workspace
    }

    private func acknowledgeWork(_ request: Request, _ context: APIContext) async throws -> Response {
        let (item, access) = try await item(context)
        try access.requireAcknowledge(item)
        try await request.refuseMembers(limit: bodyLimit)
        let acknowledged = try await store.acknowledgeWork(
            item.id, environment: try environmentID(context),
            sandbox: request.headers[.sandbox].map { String($0.prefix(200)) })
        return .json(acknowledged.json())
    }

    private func heartbeatWork(_ request: Request, _ context: APIContext) async throws -> Response {
        let (item, access) = try await item(context)
        try access.requireHeartbeat(item)
        var query = try QueryReader(request)
        guard let text = try query.text("expected_last_heartbeat") else {
            throw WireError.invalid("expected_last_heartbeat: query parameter required; send \(Self.noHeartbeat) first")
        }
        let seconds = try query.int("desired_ttl_seconds", 1...3600)
        try query.finish()
        let answer = try await store.heartbeat(
            item.id, environment: try environmentID(context), expected: Self.expected(text), leaseSeconds: seconds,
            isHolder: access.holds(item))
        return .json([
            "type": "work_heartbeat", "last_heartbeat": JSON(answer.lastHeartbeat),
            "lease_extended": .bool(answer.leaseExtended), "state": .string(answer.state.rawValue),
            "ttl_seconds": JSON(answer.leaseSeconds),
        ])
    }

    /// The value of a compare-and-set; a text that this server never printed matches no stored time.
    private static func expected(_ text: String) -> Timestamp? {
        guard text != noHeartbeat else { return nil }
        guard let time = Timestamp(text), time.description == text else { return Timestamp(microseconds: .min) }
        return time
    }

    private func stopWork(_ request: Request, _ context: APIContext) async throws -> Response {
        let (item, access) = try await item(context)
        try access.requireStop(item)
        var reader = try ObjectReader(try await request.optionalJSON(limit: bodyLimit))
        let force = try reader.optionalBool("force").orNil ?? false
        try reader.finish()
        return .json(
            try await store.stopWork(item.id, environment: try environmentID(context), force: force).json())
    }

    private func updateWork(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.administrator()
        let (item, _) = try await item(context)
        var reader = try ObjectReader(try await request.json(limit: bodyLimit))
        let patch = try reader.required("metadata")
        try reader.finish()
        let changed = try await store.updateWorkMetadata(item.id, environment: try environmentID(context)) { current in
            try Metadata.apply(patch, to: current, emptyDeletes: false, code: "invalid_metadata")
        }
        return .json(changed.json())
    }

    private func listWork(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.caller()
        let environment = try environmentID(context)
        try access.requireWorkList(environment)
        var query = try QueryReader(request)
        let limit = try query.int("limit", 1...1000) ?? 20
        let before = try Cursor.created(try query.text("page"), "work")
        try query.finish()
        let items = try await store.works(environment: environment, before: before, limit: limit + 1)
        let shown = items.prefix(limit)
        let next =
            items.count > limit ? shown.last.map { Cursor.created("work", $0.createdAt, $0.id.rawValue) } : nil
        return .page(shown.map { $0.json() }, next: next)
    }

    private func workStats(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.caller()
        let environment = try environmentID(context)
        _ = try await requiredEnvironment(environment, access)
        try access.requireStats(environment)
        try QueryReader(request).finish()
        let depth = try await store.queueDepth(environment)
        return .json([
            "type": "work_queue_stats", "depth": JSON(depth.waiting), "pending": JSON(depth.claimed),
            "oldest_queued_at": JSON(depth.oldest),
            "workers_polling": JSON(presence.count(environment.rawValue, at: clock.now())),
        ])
    }
}
