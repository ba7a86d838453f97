internal import Hummingbird
internal import Store
internal import Wire

/// `POST /v1/environments/{id}/work/ended`, an extension: which of the sessions whose files a worker has are over. What this server
/// does not know is not in the answer: only its word that a session ended lets a worker remove files.
extension API {
    private static let questionSize = 1000

    func endedSessions(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.caller()
        let scope = try queueScope(context)
        try access.requirePoll(scope)
        try QueryReader(request).finish()
        var reader = try ObjectReader(try await request.json(limit: bodyLimit))
        let items = try reader.optionalArray("session_ids", count: 0...Self.questionSize).orNil ?? []
        try reader.finish()
        let ids = items.compactMap { $0.stringValue.flatMap { SessionID($0) } }
        return .page(try await store.sessionEnds(of: ids, in: scope).map(\.json), next: nil)
    }
}

extension SessionEnd {
    fileprivate var json: JSON {
        ["id": .string(id.rawValue), "state": .string(state.rawValue), "ended_at": JSON(endedAt)]
    }
}
