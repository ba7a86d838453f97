internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/sessions/{id}/events` (reference api-core §4).
extension API {
    func addEvents(to routes: Routes) {
        routes.post { try await sendEvents($0, $1) }
        routes.get { try await listEvents($0, $1) }
        routes.get("stream") { request, context -> Response in
            streamEvents(of: try await readableSession(context).0, request, try previewTypes(request))
        }
    }

    private func sendEvents(_ request: Request, _ context: APIContext) async throws -> Response {
        try QueryReader(request).finish()
        let (session, access) = try await readableSession(context)
        let events = try ClientEvent.request(try await request.json(limit: bodyLimit))
        for (index, event) in events.enumerated() {
            guard let thread = event.fields["session_thread_id"]?.stringValue, thread != session.threadID.rawValue
            else { continue }
            throw WireError.invalid("events[\(index)].session_thread_id: no thread with id \(thread.prefix(128))")
        }
        let stored = try await store(for: access).send(
            events, to: session.id, workspace: access.workspace, sender: access.sender)
        return .json(["data": .array(stored.map(\.json))])
    }

    private func listEvents(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await readableSession(context)
        var reader = try QueryReader(request)
        var query = EventQuery()
        query.types = try reader.list("types")
        for type in query.types where !EventType.filterable.contains(type) {
            throw WireError.invalid("types[]: '\(type.prefix(64))' is not an event type that can be listed")
        }
        query.createdAtLeast = try reader.time("created_at[gte]")
        query.createdAfter = try reader.time("created_at[gt]")
        query.createdAtMost = try reader.time("created_at[lte]")
        query.createdBefore = try reader.time("created_at[lt]")
        query.ascending = try SessionListQuery.isAscending(&reader, default: true)
        return try await eventPage(of: session, &reader, query)
    }

    /// A page of history, cut by `limit` and `page` of the query.
    func eventPage(
        of session: SessionRecord, _ reader: inout QueryReader, _ query: EventQuery
    ) async throws -> Response {
        var query = query
        query.limit = try reader.int("limit", 1...1000) ?? 1000
        if let place = try Cursor.decode(try reader.text("page"), "events") {
            guard place.count == 3, let ascending = place[0].boolValue, let isQueued = place[1].boolValue,
                let seq = place[2].intValue
            else { throw Cursor.invalid }
            guard ascending == query.ascending else {
                throw WireError.invalid("page: this cursor was made with order=\(ascending ? "asc" : "desc")")
            }
            query.after = EventQuery.Position(isQueued: isQueued, seq: seq)
        }
        try reader.finish()
        let page = try await store.history(of: session.id, query)
        let next = page.next.map {
            Cursor.encode("events", [.bool(query.ascending), .bool($0.isQueued), JSON($0.seq)])
        }
        return .json(bytes: Self.splice(page.bodies, next: next ?? .null))
    }

    /// The page around the stored bytes, which are never decoded.
    private static func splice(_ bodies: [[UInt8]], next: JSON) -> [UInt8] {
        var bytes = Array("{\"data\":[".utf8)
        bytes.reserveCapacity(bodies.reduce(256) { $0 + $1.count + 1 })
        for (index, body) in bodies.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: body)
        }
        bytes.append(contentsOf: "],\"next_page\":".utf8)
        next.write(to: &bytes)
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
