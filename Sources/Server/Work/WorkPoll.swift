internal import HTTPTypes
internal import Hummingbird
internal import Store
internal import Wire

/// `GET …/work/poll`: claims one item; a held poll wakes the moment work arrives (self-hosted-sandboxes §3.2).
extension API {
    /// Stands for every cloud environment in the path of the operator's own workers.
    private static let allCloud = "-"

    func pollWork(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.caller()
        let name = context.text("environment")
        let scope = try queueScope(context)
        try access.requirePoll(scope)
        var query = try QueryReader(request)
        let block = try query.int("block_ms", 1...999) ?? 0
        let reclaim = try query.int("reclaim_older_than_ms", 0...86_400_000) ?? 5000
        try query.finish()
        if let worker = request.headers[.workerID], !worker.isEmpty {
            presence.polled(name, worker: worker, at: clock.now())
        }
        let claim = try await claim(scope, within: .milliseconds(block), reclaim: .milliseconds(reclaim))
        // An empty answer is the JSON `null`: anything else breaks the SDK's worker.
        guard let (claim, token) = claim else { return .json(.null) }
        return .json(claim.work.json(secret: WorkToken.secret(token, for: claim)))
    }

    /// The queue that the path names.
    func queueScope(_ context: APIContext) throws(WireError) -> QueueScope {
        context.text("environment") == Self.allCloud ? .allCloud : .environment(try environmentID(context))
    }

    private func claim(
        _ scope: QueueScope, within block: Duration, reclaim: Duration
    ) async throws -> (WorkClaim, KeySecret)? {
        let topic: Signals.Topic =
            switch scope {
            case .environment(let id): .work(id)
            case .allCloud: .cloudWork
            }
        let deadline = ContinuousClock.now.advanced(by: block)
        while true {
            let mark = store.signals.mark(topic)
            let token = WorkToken.make()
            if let claim = try await store.claimWork(scope, reclaimOlderThan: reclaim, tokenHash: token.hash) {
                return (claim, token)
            }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return nil }
            await store.signals.wait(for: topic, since: mark, timeout: left)
            try Task.checkCancellation()
        }
    }
}
