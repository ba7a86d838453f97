/// Which call of a session runs when, and when serving it is over (self-hosted-sandboxes §5). Facts and the time go in,
/// one action comes out.
struct SessionMachine: Sendable {
    enum Action: Equatable, Sendable {
        case run(ToolUse)
        /// Kill what runs; its result may still be posted.
        case cancelRunning
        /// Stop waiting for what runs; with `detaching` it goes on inside for the next holder.
        case abandonRunning(detaching: Bool)
        case wait(until: ContinuousClock.Instant?)
        case end(SessionEnd)
    }
    /// What is to be done with the result of a call that ran.
    enum Disposition: Equatable, Sendable { case post, postUnlessAnswered, discard }

    /// How well a session can be missed that has nothing to do here, the best first.
    enum Idleness: Int, Comparable, Sendable {
        /// Its turn is over.
        case idle
        /// It waits for its client, in the middle of a turn.
        case waitsForClient

        static func < (left: Idleness, right: Idleness) -> Bool { left.rawValue < right.rawValue }
    }

    /// More unanswered calls than this end the session: it is not a session that one worker can serve.
    static let maximumOpenCalls = 4096

    private let maxIdle: Duration?
    /// Names of the tools that are ours; calls of others are left alone.
    private let tools: Set<String>

    private(set) var open: [OpenCall] = []
    private var closed: Set<String> = []
    private var verdicts: [String: Bool] = [:]
    private var interrupts: Set<String> = []
    private var terminatedThreads: Set<String> = []
    private var primaryThread: String?
    private var idle: (event: String, until: ContinuousClock.Instant)?
    private var lastIdle: (event: String, until: ContinuousClock.Instant)?
    private var waitsForClient = false
    private var hasSeenEvents = false
    private var isIdleAtFetch = false
    private var isSandboxReady = false
    private var isSessionFetched = false
    private var isHistoryRead = false
    /// Streams that people have open.
    private(set) var holds = 0
    /// The sandbox is being paused: nothing may begin in it, and nobody may let go of it.
    var isPausing = false
    private var drainUntil: ContinuousClock.Instant?
    private var ending: SessionEnd?
    private var told = Told.nothing
    private var patienceUntil: ContinuousClock.Instant?

    /// What the running call was told last; each is told once.
    private enum Told: Int { case nothing, cancel, abandon }
    /// How long a cancelled call of an ending session may take to settle.
    private static let patience = Duration.seconds(10)

    init(tools: Set<String>, maxIdle: Duration?) {
        self.tools = tools
        self.maxIdle = maxIdle
    }

    /// Nil while there is something to do for the session's tools, or soon may be.
    var idleness: Idleness? {
        guard ending == nil, drainUntil == nil, holds == 0, isHistoryRead, isSessionFetched,
            open.allSatisfy({ $0.stage == .held })
        else { return nil }
        if idle != nil { return .idle }
        return waitsForClient ? .waitsForClient : nil
    }

    /// Whether serving the session is over, or about to be.
    var isLeaving: Bool { ending != nil || drainUntil != nil }
    /// Whether everything that happened before is known, and the sandbox prepared.
    var isKnown: Bool { isHistoryRead && isSessionFetched && isSandboxReady }

    private var runningIndex: Int? { open.firstIndex { $0.stage == .running } }

    /// What to do now.
    mutating func next(now: ContinuousClock.Instant) -> Action {
        // A worker that is being killed does not wait.
        if isPausing, ending != .handedBack { return .wait(until: nil) }
        if let ending { return finish(ending, now: now) }
        if let index = runningIndex, open[index].isCancelled, told == .nothing {
            told = .cancel
            return .cancelRunning
        }
        if let drainUntil { return drain(until: drainUntil, now: now) }
        guard isHistoryRead else { return .wait(until: nil) }
        if runningIndex == nil, isSandboxReady, isSessionFetched,
            let index = open.firstIndex(where: { $0.stage == .ready })
        {
            open[index].stage = .running
            told = .nothing
            return .run(open[index].use)
        }
        guard let idle, isSessionFetched, open.isEmpty, holds == 0 else { return .wait(until: nil) }
        guard now >= idle.until else { return .wait(until: idle.until) }
        ending = .idle
        return .end(.idle)
    }

    private mutating func finish(_ ending: SessionEnd, now: ContinuousClock.Instant) -> Action {
        guard runningIndex != nil else { return .end(ending) }
        guard told != .abandon else { return .wait(until: nil) }
        if !ending.discardsResults {
            let until = patienceUntil ?? now + Self.patience
            patienceUntil = until
            if told == .nothing {
                told = .cancel
                return .cancelRunning
            }
            if now < until { return .wait(until: until) }
        }
        told = .abandon
        return .abandonRunning(detaching: ending == .handedBack)
    }

    private mutating func drain(until limit: ContinuousClock.Instant, now: ContinuousClock.Instant) -> Action {
        if runningIndex == nil {
            ending = idle != nil && open.isEmpty && isHistoryRead ? .drained : .handedBack
            return next(now: now)
        }
        guard now >= limit else { return .wait(until: limit) }
        ending = .handedBack
        return next(now: now)
    }

    /// What to do with the result of the running call.
    func disposition(of id: String) -> Disposition {
        guard let call = open.first(where: { $0.use.id == id }), !call.isAnswered else { return .discard }
        if let ending, ending.discardsResults { return .discard }
        if let thread = call.use.thread, terminatedThreads.contains(thread) { return .discard }
        return call.isInterrupted ? .postUnlessAnswered : .post
    }

    func isAnswered(_ id: String) -> Bool { open.first { $0.use.id == id }?.isAnswered ?? true }
}

// MARK: Facts

extension SessionMachine {
    mutating func sandboxPrepared() { isSandboxReady = true }

    mutating func sessionFetched(status: String?, now: ContinuousClock.Instant) {
        isSessionFetched = true
        if status == "terminated" { end(.finished) }
        isIdleAtFetch = status == "idle"
        startIdleIfSilent(now: now)
    }

    mutating func historyRead(_ events: [SessionEvent], now: ContinuousClock.Instant) {
        for event in events { apply(event, now: now) }
        isHistoryRead = true
        startIdleIfSilent(now: now)
    }

    /// A session that nobody has talked to yet has no idle event; it idles all the same.
    private mutating func startIdleIfSilent(now: ContinuousClock.Instant) {
        guard isIdleAtFetch, isHistoryRead, !hasSeenEvents, idle == nil, let maxIdle else { return }
        idle = (event: "", until: now + maxIdle)
    }

    mutating func leaseEnded(_ end: LeaseMachine.End) {
        switch end {
        case .lost: self.end(.leaseLost)
        case .stopRequested: self.end(.stopRequested)
        case .rejected: self.end(.leaseRejected)
        }
    }

    mutating func failed() { end(.failed) }

    /// A person's stream wants to open: a session with one is not idle.
    /// - Returns: false when serving the session is over already.
    mutating func hold() -> Bool {
        guard !isLeaving, !isPausing else { return false }
        holds += 1
        return true
    }

    mutating func release() { holds -= 1 }

    /// Another session needs the slot. Nothing happens when this one has something to do by now.
    mutating func makeRoom() {
        if idleness != nil { end(.idle) }
    }

    /// Starts nothing new and lets what runs go on until `limit`.
    mutating func drain(until limit: ContinuousClock.Instant) { drainUntil = drainUntil ?? limit }

    /// The first reason wins, but for a lost lease, after which nothing may be posted whatever came before.
    mutating func end(_ reason: SessionEnd) {
        guard ending == nil || (reason == .leaseLost && ending == .stopRequested) else { return }
        ending = reason
    }

    /// The running call is over: answered, given up, or abandoned.
    mutating func callFinished(_ id: String) {
        open.removeAll { $0.use.id == id }
        closed.insert(id)
        told = .nothing
    }

    mutating func apply(_ event: SessionEvent, now: ContinuousClock.Instant) {
        hasSeenEvents = true
        switch event {
        case .idle(_, let needsAction): waitsForClient = needsAction
        case .confirmation, .bookkeeping: break
        default: waitsForClient = false
        }
        switch event {
        case .toolUse(let use):
            idle = nil
            add(use)
        case .toolResult(let id):
            idle = nil
            answered(id)
        case .confirmation(let id, let isAllowed):
            decided(id, isAllowed: isAllowed)
        case .interrupt(let stamp, let thread):
            idle = nil
            guard interrupts.insert(stamp).inserted else { return }
            interrupted(thread: thread)
        case .idle(let id, let needsAction):
            guard !needsAction, let maxIdle else {
                idle = nil
                return
            }
            // The same event again, from a reread history, must not prolong the wait.
            let until = lastIdle?.event == id ? lastIdle?.until ?? now + maxIdle : now + maxIdle
            idle = (event: id, until: until)
            lastIdle = idle
        case .ended:
            end(.finished)
        case .threadTerminated(let thread, _):
            terminatedThreads.insert(thread)
            dropCalls { $0.use.thread == thread }
        case .threadStatus(let thread):
            primaryThread = primaryThread ?? thread
            idle = nil
        case .bookkeeping:
            if let current = idle, let maxIdle {
                idle = (event: current.event, until: max(current.until, now + maxIdle))
            }
        case .other:
            idle = nil
        }
    }

    private mutating func add(_ use: ToolUse) {
        guard tools.contains(use.name), !closed.contains(use.id), !open.contains(where: { $0.use.id == use.id }) else {
            return
        }
        if let thread = use.thread, terminatedThreads.contains(thread) { return }
        let isHeld = use.gate == .needsVerdict && verdicts[use.id] != true
        guard use.gate != .denied, verdicts[use.id] != false else {
            closed.insert(use.id)
            return
        }
        guard open.count < Self.maximumOpenCalls else { return end(.failed) }
        open.append(OpenCall(use: use, stage: isHeld ? .held : .ready))
    }

    private mutating func answered(_ id: String) {
        closed.insert(id)
        dropCalls { $0.use.id == id }
        if let index = open.firstIndex(where: { $0.use.id == id }) { open[index].isAnswered = true }
    }

    /// The first verdict counts.
    private mutating func decided(_ id: String, isAllowed: Bool) {
        guard verdicts[id] == nil else { return }
        verdicts[id] = isAllowed
        guard let index = open.firstIndex(where: { $0.use.id == id }) else { return }
        if isAllowed {
            if open[index].stage == .held { open[index].stage = .ready }
        } else if open[index].stage != .running {
            closed.insert(id)
            open.remove(at: index)
        }
    }

    private mutating func interrupted(thread: String?) {
        for index in open.indices where matches(open[index], thread) { open[index].isInterrupted = true }
        dropCalls { $0.isInterrupted }
    }

    private func matches(_ call: OpenCall, _ thread: String?) -> Bool {
        guard let thread else { return true }
        return call.use.thread == thread || (call.use.thread == nil && thread == primaryThread)
    }

    /// Forgets matching calls that did not start, and asks for the end of a matching one that did.
    private mutating func dropCalls(where isMatch: (OpenCall) -> Bool) {
        for index in open.indices where isMatch(open[index]) {
            if open[index].stage == .running {
                open[index].isCancelled = true
            } else {
                closed.insert(open[index].use.id)
            }
        }
        open.removeAll { $0.stage != .running && isMatch($0) }
    }
}
