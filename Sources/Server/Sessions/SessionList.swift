internal import Hummingbird
internal import Store
internal import Wire

/// `GET /v1/sessions`: the one list whose cursor goes both ways and is bound to its order (reference api-core §0.7).
extension API {
    func listSessions(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        let query = try SessionListQuery(request)
        guard query.canMatch else { return .json(["data": [], "next_page": .null, "prev_page": .null]) }
        let page = try await store.sessions(workspace: access.workspace, query.query)
        let now = clock.now()
        return .json([
            "data": .array(page.sessions.map { $0.json(at: now) }),
            "next_page": page.hasNext ? query.cursor(page.sessions.last, isBackward: false) : .null,
            "prev_page": page.hasPrevious ? query.cursor(page.sessions.first, isBackward: true) : .null,
        ])
    }
}

struct SessionListQuery {
    private(set) var query = SessionQuery()
    /// False when a filter names something that no session of this server has.
    private(set) var canMatch = true

    init(_ request: Request) throws(WireError) {
        var reader = try QueryReader(request)
        query.limit = try reader.int("limit", 1...100) ?? 20
        query.agentID = try reader.text("agent_id")
        query.agentVersion = try reader.int("agent_version", 1...Int(Int32.max))
        guard query.agentVersion == nil || query.agentID != nil else {
            throw .invalid("agent_version: needs agent_id beside it")
        }
        canMatch = try reader.text("deployment_id") == nil
        canMatch = try reader.text("memory_store_id") == nil && canMatch
        for text in try reader.list("statuses") {
            guard let status = SessionStatus(rawValue: text) else {
                throw .invalid(
                    "statuses[]: '\(text.prefix(64))' is no status; use idle, running, rescheduling or terminated")
            }
            query.statuses.append(status)
        }
        query.includeArchived = try reader.bool("include_archived") ?? false
        query.createdAtLeast = try reader.time("created_at[gte]")
        query.createdAfter = try reader.time("created_at[gt]")
        query.createdAtMost = try reader.time("created_at[lte]")
        query.createdBefore = try reader.time("created_at[lt]")
        query.ascending = try Self.isAscending(&reader, default: false)
        query.cursor = try cursor(try reader.text("page"))
        try reader.finish()
        try checkRange()
    }

    static func isAscending(_ reader: inout QueryReader, default standard: Bool) throws(WireError) -> Bool {
        switch try reader.text("order") {
        case nil: standard
        case "asc": true
        case "desc": false
        default: throw .invalid("order: must be asc or desc")
        }
    }

    func cursor(_ session: SessionRecord?, isBackward: Bool) -> JSON {
        guard let session else { return .null }
        return Cursor.encode(
            "sessions",
            [
                .bool(query.ascending), .bool(isBackward), .integer(session.createdAt.microseconds),
                .string(session.id.rawValue),
            ])
    }

    private func cursor(_ text: String?) throws(WireError) -> SessionQuery.Cursor? {
        guard let place = try Cursor.decode(text, "sessions") else { return nil }
        guard place.count == 4, let ascending = place[0].boolValue, let isBackward = place[1].boolValue,
            let time = place[2].intValue, let id = place[3].stringValue
        else { throw Cursor.invalid }
        guard ascending == query.ascending else {
            throw .invalid("page: this cursor was made with order=\(ascending ? "asc" : "desc")")
        }
        return SessionQuery.Cursor(
            createdAt: Timestamp(microseconds: Int64(time)), id: id, isBackward: isBackward)
    }

    /// A time filter that excludes the place of the cursor is a mistake of the caller.
    private func checkRange() throws(WireError) {
        guard let time = query.cursor?.createdAt else { return }
        let isInside =
            query.createdAtLeast.map { time >= $0 } ?? true && query.createdAfter.map { time > $0 } ?? true
            && query.createdAtMost.map { time <= $0 } ?? true && query.createdBefore.map { time < $0 } ?? true
        guard isInside else { throw .invalid("page: the cursor lies outside of the created_at filter") }
    }
}
