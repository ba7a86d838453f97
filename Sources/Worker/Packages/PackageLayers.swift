internal import FoundationEssentials
internal import Logging
internal import Sandbox
internal import Synchronization

/// Installs the packages of environments, once per environment and list, and keeps each result as a snapshot that the sandboxes of
/// the environment start from.
///
/// Whoever asks first installs, and the others wait. A failure is told to all who ask until it is tried again, later each time.
final class PackageLayers: Sendable {
    /// What is installed, and for whom.
    struct Request: Sendable {
        var list: PackageList
        var environment: RemoteID
        /// The session that waits for it.
        var session: RemoteID
        var limits: ResourceLimits
    }

    private struct Failure {
        var error: SandboxError
        var count: Int
        var until: ContinuousClock.Instant
    }
    private struct State {
        /// Each with the latch that opens when it is over.
        var building: [SnapshotID: Latch] = [:]
        var failures: [SnapshotID: Failure] = [:]
    }

    private let provider: any SandboxProvider
    private let build: @Sendable (Request, SnapshotID) async throws(SandboxError) -> Void
    private let now: @Sendable () -> ContinuousClock.Instant
    /// Seconds since 1970.
    private let time: @Sendable () -> Int
    private let logger: Logger
    private let state = Mutex(State())

    /// A layer that another one follows is kept for this long after its last use, in seconds.
    private static let patience = 3600
    private static let firstPause = Duration.seconds(15)
    private static let longestPause = Duration.seconds(600)
    /// Failures that are remembered; beyond them all are forgotten, and tried again when somebody asks.
    private static let maximumFailures = 1024

    /// - Parameter build: makes the snapshot of that name.
    init(
        provider: any SandboxProvider, now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now },
        time: @escaping @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }, logger: Logger,
        build: @escaping @Sendable (Request, SnapshotID) async throws(SandboxError) -> Void
    ) {
        self.provider = provider
        self.now = now
        self.time = time
        self.logger = logger
        self.build = build
    }

    /// The layer that a new sandbox of the environment starts from; nil for one that has files of an earlier life already.
    /// - Throws: `.unsupported` where the engine cannot install anything, `.notInstalled` with the words of the package manager.
    /// - Cancellation: who installs stops; the next one who waits begins anew.
    func layer(_ request: Request, for sandbox: SandboxID) async throws(SandboxError) -> SnapshotID? {
        guard await !provider.keepsFiles(of: sandbox) else { return nil }
        guard let system = provider.capabilities.system,
            let name = request.list.layer(
                engine: provider.name, system: system, environment: request.environment, bytes: request.limits.diskBytes
            )
        else {
            let managers = request.list.parts.map(\.manager.rawValue).joined(separator: ", ")
            throw SandboxError(
                .unsupported,
                "the environment has packages (\(managers)), and the \(provider.name) engine installs none here: take them off the "
                    + "environment, or use the namespace engine as root on a kernel of 5.19 or later")
        }
        while true {
            if await provider.snapshots().contains(where: { $0.id == name }) { return name }
            let mine = Latch()
            if let other = try begin(name, mine) {
                await other.wait()
                guard !Task.isCancelled else { throw SandboxError(.unavailable, "the session is over") }
                continue
            }
            logger.info("packages are installed", metadata: ["environment_id": "\(request.environment)"])
            do throws(SandboxError) { try await build(request, name) } catch {
                end(name, error)
                throw error
            }
            end(name, nil)
            await removeFormer(of: request.environment, but: name)
        }
    }

    /// The host's packages change, and lists do: what came before is of no use, except to who started from it just now.
    private func removeFormer(of environment: RemoteID, but name: SnapshotID) async {
        let prefix = PackageList.prefix(environment)
        for snapshot in await provider.snapshots()
        where snapshot.id != name && snapshot.id.rawValue.hasPrefix(prefix)
            && time() - snapshot.createdAt > Self.patience
        {
            do throws(SandboxError) { try await provider.removeSnapshot(snapshot.id) } catch {
                logger.warning("former packages not removed", metadata: ["code": "\(error.code)"])
            }
        }
    }

    /// - Returns: nil for who is to install; the latch of who does.
    private func begin(_ name: SnapshotID, _ mine: Latch) throws(SandboxError) -> Latch? {
        let now = now()
        let answer = state.withLock { state -> Result<Latch?, SandboxError> in
            if let other = state.building[name] { return .success(other) }
            if let failure = state.failures[name], now < failure.until { return .failure(failure.error) }
            state.building[name] = mine
            return .success(nil)
        }
        return try answer.get()
    }

    private func end(_ name: SnapshotID, _ error: SandboxError?) {
        let now = now()
        let mine = state.withLock { state in
            let former = state.failures.removeValue(forKey: name)
            // Who was told to stop says nothing about the packages.
            if let error, !Task.isCancelled {
                if state.failures.count >= Self.maximumFailures { state.failures = [:] }
                let count = (former?.count ?? 0) + 1
                let pause = min(Self.longestPause, Self.firstPause * (1 << min(count - 1, 10)))
                state.failures[name] = Failure(error: error, count: count, until: now + pause)
            }
            return state.building.removeValue(forKey: name)
        }
        mine?.open()
        guard let error else { return }
        logger.warning("packages not installed", metadata: ["code": "\(error.code)", "reason": "\(error.firstLine)"])
    }
}

extension SandboxError {
    /// For logs, in which the output of programs has no place.
    var firstLine: String { String(message.prefix { !$0.isNewline }) }
}
