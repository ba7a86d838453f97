internal import Logging
internal import Sandbox
internal import Synchronization
internal import Wire

/// How long each step of a session's start took, and what holds its sandbox: told to our own server.
final class StartReport: Sendable {
    private struct State {
        var stages: [SandboxStage: Duration] = [:]
        var boundary: String?
    }
    private let state = Mutex(State())
    /// Opens when the sandbox is prepared.
    let prepared = Latch()
    /// Opens when the first call has its result.
    let used = Latch()

    /// Keeps the first value of each step.
    func note(_ stage: SandboxStage, _ duration: Duration) {
        state.withLock { state in
            if state.stages[stage] == nil { state.stages[stage] = duration }
        }
        if stage == .firstTool { used.open() }
    }

    /// - Parameter duration: from the request for the sandbox to its first answer.
    func note(_ sandbox: any Sandbox, after duration: Duration) {
        state.withLock { state in
            state.boundary = sandbox.boundary
            let stages = sandbox.stages.isEmpty ? [.create: duration] : sandbox.stages
            state.stages.merge(stages) { first, _ in first }
        }
    }

    /// Nil while there is no sandbox.
    var json: JSON? {
        let (stages, boundary) = state.withLock { ($0.stages, $0.boundary) }
        guard let boundary else { return nil }
        let seconds = stages.map { (key: $0.key.rawValue, value: JSON.double($0.value / .seconds(1))) }
        return ["boundary": .string(boundary), "stages": .object(JSON.Object(seconds.sorted { $0.key < $1.key }))]
    }

    /// Tells the server twice: when the sandbox is prepared and when its first tool has answered. What cannot be told is lost.
    func send(to client: SessionClient, logger: Logger) async {
        for moment in [prepared, used] {
            await moment.wait()
            guard !Task.isCancelled, let json else { return }
            do throws(WorkerError) { try await client.report(json) } catch {
                logger.debug("start not reported", metadata: ["code": "\(error.code)"])
            }
        }
    }
}
