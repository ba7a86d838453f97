internal import Logging
internal import Loop
internal import Models
internal import Store
internal import Wire

/// One driver's view of its session: the folded log, and the lease under which it writes.
final class SessionRun {
    let orchestrator: Orchestrator
    let logger: Logger
    let definition: AgentDefinition
    let machine: TurnMachine
    let tools: ToolCatalog
    let fence: Int
    var record: SessionRecord
    var state = SessionState()
    /// When a failed model request is repeated; nil unless the session is rescheduling.
    var retryAt: Timestamp?
    /// True while the store may still list the session as runnable.
    private var mayBeRunnable = true
    private var workerAssured = false

    var store: Store { orchestrator.store }
    var id: SessionID { record.id }

    init(orchestrator: Orchestrator, lease: SessionLease, logger: Logger) async throws {
        self.orchestrator = orchestrator
        self.logger = logger
        record = lease.record
        fence = lease.fence
        definition = try AgentDefinition(json: lease.record.agent)
        tools = ToolCatalog(definition: definition, environment: lease.record.environmentKind)
        let window = orchestrator.models.resolve(definition.modelID)?.info.maxInputTokens ?? 200_000
        machine = TurnMachine(
            limits: orchestrator.configuration.limits, environment: lease.record.environmentKind,
            compactionThreshold: orchestrator.configuration.compactionTokens ?? window / 5 * 4)
        try await catchUp()
    }

    /// Decides and acts until the session has been quiet for a while, or the task is cancelled.
    func drive() async throws {
        while !Task.isCancelled {
            let mark = store.signals.mark(.events(id))
            try await catchUp()
            if let retryAt, !isInterrupted {
                let rest = retryAt.since(orchestrator.clock.now())
                if rest > .zero {
                    await store.signals.wait(for: .events(id), since: mark, timeout: rest)
                    continue
                }
            }
            let make = factory()
            switch machine.decide(state, make, usage: usage(of: state, at: make.now)) {
            case .append(let entries, let status):
                retryAt = nil
                try await commit(entries, status: status)
            case .callModel(let entries, let purpose):
                retryAt = nil
                guard try await commit(entries, status: .running) else { continue }
                try await ModelTurn(run: self, purpose: purpose).perform()
            case .wait(let needsWorker):
                if mayBeRunnable || (needsWorker && !workerAssured) {
                    guard try await rest(needsWorker: needsWorker) else { continue }
                }
                if state.phase == .terminated { return }
                await store.signals.wait(
                    for: .events(id), since: mark, timeout: orchestrator.configuration.linger)
                if store.signals.mark(.events(id)) == mark { return }
                mayBeRunnable = true
            }
        }
    }

    var isInterrupted: Bool { state.queue.contains { $0.event.type == .userInterrupt } }

    /// Folds what was appended since the last look.
    func catchUp() async throws {
        for logged in try await store.log(of: id, after: state.lastSeq) {
            state.apply(logged.event, note: logged.note, seq: logged.seq)
        }
    }

    func factory() -> EventFactory {
        EventFactory(
            ids: orchestrator.ids, threadID: record.threadID, agentName: definition.name, now: orchestrator.clock.now())
    }

    func usage(of state: SessionState, at now: Timestamp) -> JSON {
        state.usage.json(activeSeconds: record.activeSeconds(at: now))
    }

    /// Appends entries, provided that nobody else appended meanwhile unless `always`.
    /// - Returns: false when somebody did; the state then holds what they appended.
    @discardableResult
    func commit(
        _ entries: [LoopEntry], status: SessionStatus?, always: Bool = false, runnable: SessionCommit.Runnable? = nil
    ) async throws -> Bool {
        var after = state
        for entry in entries { after.apply(entry.event, note: entry.note, seq: after.lastSeq + 1) }
        let make = factory()
        var rests = false
        var needsWorker = false
        if !always, case .wait(let needs) = machine.decide(after, make, usage: .null) {
            rests = true
            needsWorker = needs
        }
        // A self-hosted session rests in requires_action while its worker works.
        needsWorker = needsWorker || after.openCalls.contains(where: \.isReleased)
        let commit = SessionCommit(
            session: id, fence: fence, ifSeq: always ? nil : state.lastSeq,
            entries: entries.map { LogEntry($0.event, note: $0.note, replacesQueued: $0.replacesQueued) },
            status: status, usage: after.usage, runnable: runnable ?? (rests ? .clear : .keep),
            needsWorker: needsWorker && !workerAssured,
            leaseExpiresAt: make.now.advanced(by: orchestrator.configuration.leaseTime))
        guard let seq = try await store.commit(commit) else { return false }
        if seq == after.lastSeq { state = after }
        mayBeRunnable = !rests
        workerAssured = needsWorker
        follow(status, at: make.now)
        return true
    }

    /// Clears the runnable mark, and makes sure that a worker comes when one is needed.
    private func rest(needsWorker: Bool) async throws -> Bool {
        let commit = SessionCommit(
            session: id, fence: fence, ifSeq: state.lastSeq, entries: [], runnable: .clear, needsWorker: needsWorker,
            leaseExpiresAt: orchestrator.clock.now().advanced(by: orchestrator.configuration.leaseTime))
        guard try await store.commit(commit) != nil else { return false }
        mayBeRunnable = false
        workerAssured = needsWorker
        return true
    }

    /// Keeps the running time in step with what the store computes.
    private func follow(_ status: SessionStatus?, at now: Timestamp) {
        guard let status else { return }
        record.status = status
        if status == .running {
            record.activeSince = record.activeSince ?? now
        } else if let since = record.activeSince {
            record.activeMicroseconds += Int(max(0, now.microseconds - since.microseconds))
            record.activeSince = nil
        }
    }
}
