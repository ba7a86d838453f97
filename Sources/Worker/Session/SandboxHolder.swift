internal import Logging
internal import Sandbox
internal import Synchronization

/// The sandbox of one served session: provisioned ahead of the first call, and again when it died.
final class SandboxHolder: Sendable {
    /// A sandbox to run calls in, and which calls its journal knew when this holder came to it.
    struct Lease: Sendable {
        var sandbox: any Sandbox
        var journalled: Set<String>
    }
    /// Gives what a new sandbox starts from; nil for one that has files already.
    typealias Preparation = @Sendable () async throws(SandboxError) -> SnapshotID?

    private enum State: Sendable {
        case absent
        case ready(Lease)
        /// Stopped inside until the next lease; without a sandbox when an earlier holder paused it.
        case paused(Lease?)
        case failed(SandboxError)
        case closed
    }

    private let provider: any SandboxProvider
    private let spec: SandboxSpec
    private let secrets: SecretFeed?
    private let pauseMark: PauseMark?
    private let packages: Preparation?
    private let start: StartReport
    private let logger: Logger
    private let state: Mutex<State>
    private let settings: Mutex<SandboxSettings>
    /// Opens when the attempt to provision that is under way is over.
    private let attempt = Mutex<Latch?>(nil)
    private static let attempts = 4

    /// - Parameters:
    ///   - settings: what every sandbox of the session gets before its first call; see ``configure(_:)``.
    ///   - secrets: nothing is provisioned before they are known.
    ///   - packages: asked before each start.
    ///   - pauseMark: outlives this holder; without it nothing is paused.
    ///   - isPaused: an earlier holder left the sandbox paused.
    init(
        provider: any SandboxProvider, spec: SandboxSpec, settings: SandboxSettings, secrets: SecretFeed? = nil,
        packages: Preparation? = nil, pauseMark: PauseMark? = nil, isPaused: Bool = false, start: StartReport,
        logger: Logger
    ) {
        self.secrets = secrets
        self.packages = packages
        self.pauseMark = pauseMark
        state = Mutex(isPaused ? .paused(nil) : .absent)
        self.settings = Mutex(settings)
        self.start = start
        self.provider = provider
        self.spec = spec
        self.logger = logger
    }

    /// The living sandbox, or a new one. Tasks that ask while one is being provisioned wait for it: a second connection would end
    /// the first one.
    /// - Throws: the ``SandboxError`` of the last attempt; `.unsupported` is not tried again, `.notInstalled` by the next call.
    /// - Cancellation: ends the waiting for another task's attempt.
    func lease() async throws(SandboxError) -> Lease {
        while true {
            if case .ready(let lease) = state.withLock({ $0 }) { return lease }
            let mine = Latch()
            let obstacle = attempt.withLock { attempt -> Latch? in
                if let attempt { return attempt }
                attempt = mine
                return nil
            }
            guard let obstacle else {
                defer {
                    attempt.withLock { $0 = nil }
                    mine.open()
                }
                return try await leaseAlone()
            }
            await obstacle.wait()
            guard !Task.isCancelled else {
                throw SandboxError(.unavailable, "nobody waits any longer for the sandbox to be prepared")
            }
        }
    }

    private func leaseAlone() async throws(SandboxError) -> Lease {
        switch state.withLock({ $0 }) {
        case .ready(let lease): return lease
        case .closed: throw SandboxError(.unavailable, "the session is over")
        case .failed(let error) where error.code == .unsupported: throw error
        case .absent, .paused, .failed: break
        }
        if let secrets {
            await secrets.isKnown.wait(atMost: secrets.patience)
            guard secrets.isKnown.isOpen else {
                throw SandboxError(.unavailable, "the secrets of its vaults cannot be fetched from the server")
            }
        }
        var backoff = Backoff(first: .milliseconds(500), limit: .seconds(4))
        for attempt in 1... {
            do throws(SandboxError) {
                return try await provision()
            } catch {
                logger.warning(
                    "sandbox not provisioned", metadata: ["code": "\(error.code)", "reason": "\(error.firstLine)"])
                guard attempt < Self.attempts, error.code != .unsupported, error.code != .notInstalled,
                    !Task.isCancelled
                else {
                    fail(error)
                    throw error
                }
                try? await Task.sleep(for: backoff.next(jitter: .random(in: 0...1)))
            }
        }
        throw SandboxError(.unavailable, "the session is over")
    }

    private func provision() async throws(SandboxError) -> Lease {
        var spec = spec
        if let packages {
            let begin = ContinuousClock.now
            if let layer = try await packages() { spec.source = .snapshot(layer) }
            start.note(.packages, .now - begin)
        }
        let begin = ContinuousClock.now
        let sandbox = try await provider.provision(spec)
        start.note(sandbox, after: .now - begin)
        let lease: Lease
        let brought = settings.withLock { $0 }
        do throws(SandboxError) {
            // Also when they are empty: an earlier holder may have brought some.
            try await sandbox.configure(brought)
            lease = Lease(sandbox: sandbox, journalled: Set(try await sandbox.journal().keys))
        } catch {
            await sandbox.detach()
            throw error
        }
        // Known as running before it is in use; a crash here leaves it without the mark, and in use.
        await pauseMark?.clear()
        let (isWanted, hasWaited) = state.withLock { state in
            if case .closed = state { return (false, false) }
            defer { state = .ready(lease) }
            if case .paused(nil) = state { return (true, true) }
            return (true, false)
        }
        guard isWanted else {
            await sandbox.detach()
            throw SandboxError(.unavailable, "the session is over")
        }
        // They changed while nobody could be told.
        start.note(.running)
        if hasWaited { start.prepared.open() }
        let wanted = settings.withLock { $0 }
        if wanted != brought { try await sandbox.configure(wanted) }
        return lease
    }

    /// Changes what the session's programs get: at once when there is a sandbox, and for every one that comes. Changes may come
    /// from several tasks: the sandbox has all of them when the last one returns.
    /// - Throws: as ``Sandbox/configure(_:)``. What a sandbox refuses, the next one is not offered either.
    func configure(_ change: (inout SandboxSettings) -> Void) async throws(SandboxError) {
        var (former, wanted) = settings.withLock { settings in
            let former = settings
            change(&settings)
            return (former, settings)
        }
        while case .ready(let lease) = state.withLock({ $0 }) {
            do throws(SandboxError) { try await lease.sandbox.configure(wanted) } catch {
                if error.code == .unsupported {
                    settings.withLock { settings in if settings == wanted { settings = former } }
                }
                throw error
            }
            // Another change may have overtaken this one on its way.
            let latest = settings.withLock { $0 }
            guard latest != wanted else { return }
            (former, wanted) = (wanted, latest)
        }
    }

    /// Stops everything inside until the next lease. The caller sees to it that nothing is in use.
    /// - Throws: ``SandboxError``; the sandbox then runs, or is lost, and the next lease finds out.
    func pause() async throws(SandboxError) {
        guard let pauseMark else { throw SandboxError(.unsupported, "this worker keeps no paused sandboxes") }
        guard !isPaused else { return }
        let lease = try await lease()
        try await pauseMark.set()
        do throws(SandboxError) { try await lease.sandbox.pause() } catch {
            // Its connection is gone in any case.
            await markLost()
            await pauseMark.clear()
            throw error
        }
        state.withLock { state in
            if case .closed = state { return }
            state = .paused(lease)
        }
        start.note(.paused)
    }

    var isPaused: Bool {
        guard case .paused = state.withLock({ $0 }) else { return false }
        return true
    }

    /// Provisions nothing: every call is told why.
    func refuse(_ error: SandboxError) { fail(error) }

    private func fail(_ error: SandboxError) {
        state.withLock { state in
            if case .closed = state { return }
            state = .failed(error)
        }
    }

    /// The sandbox died or cannot be spoken to: the next lease provisions again.
    func markLost() async {
        let lost = state.withLock { state -> Lease? in
            guard case .ready(let lease) = state else { return nil }
            state = .absent
            return lease
        }
        await lost?.sandbox.detach()
    }

    /// Lets go of the sandbox and leaves it alive. Nothing is provisioned afterwards.
    func detach() async { await takeForClosing()?.sandbox.detach() }

    /// Ends the sandbox. Nothing is provisioned afterwards.
    func destroy() async { await takeForClosing()?.sandbox.destroy() }

    private func takeForClosing() -> Lease? {
        state.withLock { state in
            defer { state = .closed }
            switch state {
            case .ready(let lease): return lease
            case .paused(let lease): return lease
            case .absent, .failed, .closed: return nil
            }
        }
    }
}
