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
    /// What the sandbox was refused on its way out.
    let denials = DenialTally()
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
        return [
            "boundary": .string(boundary), "stages": .object(JSON.Object(seconds.sorted { $0.key < $1.key })),
            "egress_denials": denials.json,
        ]
    }

    /// Tells the server when the sandbox is prepared, when its first tool has answered, and, at most once a second, when the
    /// gate has refused something. What cannot be told is lost.
    func send(to client: SessionClient, logger: Logger) async {
        for moment in [prepared, used] {
            await moment.wait()
            guard await told(client, logger) else { return }
        }
        while true {
            await denials.changed.wait()
            try? await Task.sleep(for: .seconds(1))
            guard await told(client, logger) else { return }
        }
    }

    private func told(_ client: SessionClient, _ logger: Logger) async -> Bool {
        guard !Task.isCancelled, let json else { return false }
        do throws(WorkerError) { try await client.report(json) } catch {
            logger.debug("start not reported", metadata: ["code": "\(error.code)"])
        }
        return true
    }
}
