package import ExecdProtocol
internal import Glibc
internal import Synchronization

/// Runs calls on their own threads: `bash` calls one after the other on one thread, the others on a few more.
///
/// Threads start with the first call that needs them. What happens comes back as events; the wake event tells when.
package final class CallDispatcher: Sendable {
    package enum Event: Sendable {
        case progress(id: String, bytes: [UInt8])
        case settled(id: String, result: CallResult)
    }

    private struct Job {
        var id: String
        var input: CallInput
        var cancel: CancelToken
    }

    private struct State {
        var shellJobs: [Job] = []
        var otherJobs: [Job] = []
        var tokens: [String: CancelToken] = [:]
        var events: [Event] = []
        var progressBytes = 0
        var hasShellThread = false
        var threads = 0
        var idleThreads = 0
        var isStopped = false
    }

    private static let maxWaiting = 64
    private static let maxThreads = 4
    private static let maxProgressBytes = 256 << 10

    private let settings: ToolSettings
    private let gate: PathGate
    private let children: ChildTable
    private let tree: ProcessTree?
    private let runner: ToolRunner
    private let wake: WakeEvent
    private let shellWake: WakeEvent
    private let otherWake: WakeEvent
    private let state = Mutex(State())

    /// - Parameters:
    ///   - tree: what a kill of the shell reaches, see ``ShellSession``.
    ///   - wake: signalled when ``takeEvents()`` has something.
    package init(
        settings: ToolSettings, gate: PathGate, children: ChildTable, tree: ProcessTree?, wake: WakeEvent
    ) throws(SystemFailure) {
        self.settings = settings
        self.gate = gate
        self.children = children
        self.tree = tree
        self.wake = wake
        runner = ToolRunner(settings: settings, gate: gate, children: children)
        shellWake = try WakeEvent()
        otherWake = try WakeEvent()
    }

    /// Queues a call. It settles by an event in every case, also when it is refused because too many wait.
    package func submit(id: String, input: CallInput) {
        do throws(SystemFailure) {
            let cancel = try CancelToken()
            let isShell = if case .bash = input { true } else { false }
            let (isQueued, needsThread) = state.withLock { state in
                let waiting = isShell ? state.shellJobs.count : state.otherJobs.count
                guard waiting < Self.maxWaiting, !state.isStopped else { return (false, false) }
                state.tokens[id] = cancel
                let job = Job(id: id, input: input, cancel: cancel)
                if isShell {
                    state.shellJobs.append(job)
                    defer { state.hasShellThread = true }
                    return (true, !state.hasShellThread)
                }
                state.otherJobs.append(job)
                let needsThread = state.otherJobs.count > state.idleThreads && state.threads < Self.maxThreads
                if needsThread { state.threads += 1 }
                return (true, needsThread)
            }
            guard isQueued else { return settle(id, .failure("too many calls wait; try again when some have ended")) }
            if needsThread {
                do throws(SystemFailure) {
                    try PosixThread.start { isShell ? self.runShell() : self.runOthers() }
                } catch {
                    if withdraw(id, isShell: isShell) { throw error }
                }
            }
            (isShell ? shellWake : otherWake).signal()
        } catch {
            settle(id, .failure("the call could not be started: \(error.phrase)"))
        }
    }

    /// Forgets a call whose thread could not be started, so that the next one tries again.
    /// - Returns: false when another thread will run it.
    private func withdraw(_ id: String, isShell: Bool) -> Bool {
        state.withLock { state in
            if isShell {
                state.hasShellThread = false
                state.shellJobs.removeAll { $0.id == id }
                return true
            }
            state.threads -= 1
            guard state.threads == 0 else { return false }
            state.otherJobs.removeAll { $0.id == id }
            return true
        }
    }

    /// Stops a call, waiting or running; one that has settled, or was never there, is left alone.
    package func cancel(_ id: String) {
        state.withLock { $0.tokens[id] }?.cancel()
    }

    /// What happened since the last time, in order.
    package func takeEvents() -> [Event] {
        wake.clear()
        return state.withLock { state in
            defer {
                state.events = []
                state.progressBytes = 0
            }
            return state.events
        }
    }

    /// Ends the threads once their calls have ended; cancels those.
    package func stop() {
        let tokens = state.withLock { state in
            state.isStopped = true
            return Array(state.tokens.values)
        }
        for token in tokens { token.cancel() }
        shellWake.signal()
        otherWake.signal()
    }

    private func runShell() {
        guard let session = try? ShellSession(settings: settings, gate: gate, children: children, tree: tree) else {
            return refuseShellJobs()
        }
        while true {
            shellWake.clear()
            while let job = state.withLock({ $0.shellJobs.isEmpty ? nil : $0.shellJobs.removeFirst() }) {
                guard case .bash(let command, let restart, let timeout) = job.input else { continue }
                let result = session.run(
                    callID: job.id, command: command, restart: restart, timeoutMilliseconds: timeout,
                    cancel: job.cancel,
                    progress: { self.progress(job.id, $0) })
                settle(job.id, result)
            }
            guard !state.withLock({ $0.isStopped }) else { return session.end() }
            var watched = [
                pollfd(fd: shellWake.descriptor.raw, events: Int16(POLLIN), revents: 0),
                pollfd(fd: session.backgroundOutput, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&watched, 2, -1)
            if watched[1].revents != 0 { session.drain() }
        }
    }

    private func refuseShellJobs() {
        let jobs = state.withLock { state in
            defer { state.shellJobs = [] }
            state.hasShellThread = false
            return state.shellJobs
        }
        for job in jobs { settle(job.id, .failure("the shell could not be started")) }
    }

    private func runOthers() {
        while true {
            let job = state.withLock { state -> Job? in
                guard !state.otherJobs.isEmpty else {
                    state.idleThreads += 1
                    return nil
                }
                return state.otherJobs.removeFirst()
            }
            if let job {
                let result =
                    job.cancel.isCancelled
                    ? .failure("interrupted before it started")
                    : runner.run(callID: job.id, input: job.input, cancel: job.cancel)
                settle(job.id, result)
                continue
            }
            guard !state.withLock({ $0.isStopped }) else { return }
            var watched = [pollfd(fd: otherWake.descriptor.raw, events: Int16(POLLIN), revents: 0)]
            _ = poll(&watched, 1, -1)
            otherWake.clear()
            let isMoreWaiting = state.withLock { state in
                state.idleThreads -= 1
                return state.otherJobs.count > 1 || state.isStopped
            }
            // The event woke one thread for all jobs: pass it on.
            if isMoreWaiting { otherWake.signal() }
        }
    }

    private func progress(_ id: String, _ bytes: [UInt8]) {
        let isKept = state.withLock { state in
            guard state.progressBytes + bytes.count <= Self.maxProgressBytes else { return false }
            state.progressBytes += bytes.count
            state.events.append(.progress(id: id, bytes: bytes))
            return true
        }
        if isKept { wake.signal() }
    }

    private func settle(_ id: String, _ result: CallResult) {
        state.withLock { state in
            state.tokens[id] = nil
            state.events.append(.settled(id: id, result: result))
        }
        wake.signal()
    }
}
