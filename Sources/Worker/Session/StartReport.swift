internal import Logging
internal import Sandbox
internal import Synchronization
internal import Wire

/// How long each step of a session's start took, what holds its sandbox, and what that does: told to our own server.
final class StartReport: Sendable {
    private struct State {
        var stages: [SandboxStage: Duration] = [:]
        var boundary: String?
        var sandbox = SandboxState.none
        /// Something is to be told at once.
        var isUrgent = false
        /// Opened by the next report.
        var waiting: [Latch] = []
    }
    private let state = Mutex(State())
    private let changed: Wakeup
    /// What the sandbox was refused on its way out.
    let denials: DenialTally
    /// Opens when the sandbox is prepared.
    let prepared = Latch()

    private static let patience = Duration.seconds(10)

    init() {
        changed = Wakeup()
        denials = DenialTally(changed: changed)
    }

    /// Keeps the first value of each step.
    func note(_ stage: SandboxStage, _ duration: Duration) {
        let isFirst = state.withLock { state in
            guard state.stages[stage] == nil else { return false }
            state.stages[stage] = duration
            state.isUrgent = state.isUrgent || stage == .firstTool
            return true
        }
        if isFirst, stage == .firstTool { changed.signal() }
    }

    /// - Parameter duration: from the request for the sandbox to its first answer.
    func note(_ sandbox: any Sandbox, after duration: Duration) {
        state.withLock { state in
            state.boundary = sandbox.boundary
            let stages = sandbox.stages.isEmpty ? [.create: duration] : sandbox.stages
            state.stages.merge(stages) { first, _ in first }
        }
    }

    func note(_ sandbox: SandboxState) {
        let isNew = state.withLock { state in
            guard state.sandbox != sandbox else { return false }
            state.sandbox = sandbox
            state.isUrgent = true
            return true
        }
        if isNew { changed.signal() }
    }

    /// Nil while there is no sandbox.
    var json: JSON? {
        let (stages, boundary, sandbox) = state.withLock { ($0.stages, $0.boundary, $0.sandbox) }
        guard let boundary else { return nil }
        let seconds = stages.map { (key: $0.key.rawValue, value: JSON.double($0.value / .seconds(1))) }
        return [
            "boundary": .string(boundary), "stages": .object(JSON.Object(seconds.sorted { $0.key < $1.key })),
            "egress_denials": denials.json, "state": .string(sandbox.rawValue),
        ]
    }

    /// Returns when the server was told of everything up to now, or cannot be told.
    func flush() async {
        guard prepared.isOpen else { return }
        let told = Latch()
        state.withLock { $0.waiting.append(told) }
        changed.signal()
        await told.wait(atMost: Self.patience)
    }

    /// Tells the server when the sandbox is prepared, when its first tool has answered, when it is paused or goes on, and, at
    /// most once a second, when the gate has refused something. One report at a time: a later one never arrives first. What
    /// cannot be told is lost.
    func send(to client: SessionClient, logger: Logger) async {
        await prepared.wait()
        while !Task.isCancelled {
            let waiting = state.withLock { state in
                state.isUrgent = false
                defer { state.waiting = [] }
                return state.waiting
            }
            if let json {
                do throws(WorkerError) { try await client.report(json) } catch {
                    logger.debug("start not reported", metadata: ["code": "\(error.code)"])
                }
            }
            for latch in waiting { latch.open() }
            await changed.wait()
            let canWait = state.withLock { !$0.isUrgent && $0.waiting.isEmpty }
            if canWait { try? await Task.sleep(for: .seconds(1)) }
        }
    }
}
