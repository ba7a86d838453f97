internal import AsyncAlgorithms
internal import Hummingbird
internal import NIOCore
internal import ServiceLifecycle
internal import Store
internal import Wire

/// `POST /v1/sessions/{id}/sandbox/pause` and `…/resume`, extensions: the worker that serves the session does it; one comes when
/// there is none.
extension API {
    /// How long a worker may take: memory may have to be written to a disk.
    private static let steeringPatience = Duration.seconds(120)

    func steerSandbox(_ request: Request, _ context: APIContext, _ verb: String) async throws -> Response {
        let access = try context.administrator()
        let (session, _) = try await readableSession(context)
        try QueryReader(request).finish()
        try await request.refuseMembers(limit: bodyLimit)
        let pipe = try await pipe(into: session, ["type": .string(verb)], for: access.actor)
        defer { pipe.close() }
        switch await Self.end(of: pipe) {
        case .exited(0): return .json(try await sandboxObject(of: session))
        case .failed(let reason): throw WireError.conflict("the sandbox cannot \(verb) now: \(reason)")
        default: throw WireError.unavailable("the session's worker left before it had answered: look at the state")
        }
    }

    /// The worker's last word; nil when it left without one, or said none in time.
    private static func end(of pipe: StreamPipe) async -> SandboxFrame? {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: SandboxFrame?.self) { group in
                group.addTask {
                    var decoder = SandboxFrameDecoder()
                    for await buffer in pipe.toPerson {
                        guard let frames = try? decoder.feed(buffer.readableBytesView) else { return nil }
                        if let last = frames.last { return last }
                    }
                    return nil
                }
                group.addTask {
                    try? await Task.sleep(for: steeringPatience)
                    return nil
                }
                defer { group.cancelAll() }
                return await group.next() ?? nil
            }
        }
    }
}
