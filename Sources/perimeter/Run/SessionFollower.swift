internal import Wire

/// Reads the events of one session as they happen, and again from the log after the connection broke.
struct SessionFollower: Sendable {
    let client: AdminClient
    /// A checked path segment.
    let session: String
    /// Whether text is wanted while it is being written.
    let wantsPreviews: Bool

    /// Tries in a row that may fail before the connection counts as lost.
    private static let attempts = 12

    /// Delivers events until `body` returns false or the server ends the stream for good.
    ///
    /// Events may be delivered twice, from the log and from the stream; receivers go by their ids.
    ///
    /// - Parameters:
    ///   - includesHistory: begins with what happened before.
    ///   - opened: runs once, after the stream is open: what it causes is not missed.
    func follow(
        includesHistory: Bool, opened: () async throws -> Void = {}, _ body: (JSON) async throws -> Bool
    ) async throws {
        var isFirst = true
        var failures = 0
        while true {
            do {
                let stream = try await client.openStream("/v1/sessions/\(session)/events/stream", query: query)
                if isFirst { try await opened() }
                if includesHistory || !isFirst {
                    for event in try await client.list("/v1/sessions/\(session)/events", pageSize: 1000) {
                        guard try await body(event) else { return }
                    }
                }
                isFirst = false
                let goesOn = try await stream.forEach { event in
                    failures = 0
                    return try await body(event)
                }
                guard goesOn else { return }
            } catch let error as CommandError where error.code != .unreachable || isFirst {
                throw error
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                try Task.checkCancellation()
                guard failures < Self.attempts else {
                    throw CommandError(
                        .unreachable, "the connection to \(client.address) was lost: \(error)",
                        remedy: "look at the session later with `perimeter sessions stream \(session)`")
                }
            }
            failures += 1
            guard failures <= Self.attempts else { return }
            try await Task.sleep(for: .milliseconds(min(5000, 100 << failures)))
        }
    }

    private var query: [(name: String, value: String)] {
        wantsPreviews ? [(name: "event_deltas[]", value: "agent.message")] : []
    }
}
