internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/sessions/{id}/threads` of sessions with one agent: the primary thread (reference api-core §5).
extension API {
    func addThreads(to routes: Routes) {
        routes.get { try await listThreads($0, $1) }
        routes.get(":thread") { request, context -> Response in
            try QueryReader(request).finish()
            return .json(try await threadSession(context).threadJSON(at: clock.now()))
        }
        routes.post(":thread/archive") { request, context -> Response in
            _ = try context.administrator()
            try await request.refuseMembers(limit: bodyLimit)
            let session = try await threadSession(context)
            throw WireError.invalid(
                "thread \(session.threadID) is the primary thread; archive session \(session.id) instead")
        }
        routes.get(":thread/events") { request, context -> Response in
            let session = try await threadSession(context)
            var reader = try QueryReader(request)
            return try await eventPage(of: session, &reader, EventQuery())
        }
        routes.get(":thread/stream") { request, context -> Response in
            streamEvents(of: try await threadSession(context), request, try previewTypes(request))
        }
    }

    private func listThreads(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await readableSession(context)
        var query = try QueryReader(request)
        let statuses = try query.list("statuses")
        for status in statuses where SessionStatus(rawValue: status) == nil {
            throw WireError.invalid("statuses[]: '\(status.prefix(64))' is no status")
        }
        _ = try query.int("limit", 1...1000)
        guard try query.text("page") == nil else { throw Cursor.invalid }
        try query.finish()
        let isShown = statuses.isEmpty || statuses.contains(session.status.rawValue)
        return .page(isShown ? [session.threadJSON(at: clock.now())] : [], next: nil)
    }

    private func threadSession(_ context: APIContext) async throws -> SessionRecord {
        let (session, _) = try await readableSession(context)
        let thread = context.text("thread")
        guard thread == session.threadID.rawValue else {
            throw WireError.notFound("no thread with id \(thread.prefix(128)) in session \(session.id)")
        }
        return session
    }
}
