internal import Glibc
public import Logging
public import Sandbox
internal import Synchronization

/// Sandboxes as containers of a Docker or Podman daemon that runs on this host: with no network, no capabilities, a read-only
/// root from an image, and a work directory of bounded size that survives them.
///
/// Sandboxes outlive this process: the next one finds them by their ledgers and the labels of their containers, and
/// re-attaches through the daemon's socket. The worker must be root on the same host as the container daemon. Whoever may use
/// that daemon is root as well, and reads the environment of every sandbox there: secrets belong to the gate.
public final class DockerEngine: SandboxProvider, SandboxKeeper {
    public let name = "docker"

    let configuration: DockerConfiguration
    let paths: EnginePaths
    let disk: WorkDisk
    let shelf: SnapshotShelf
    let daemon: ContainerDaemon
    /// Marks this engine's containers among all others of the daemon.
    let owner: String
    let logger: Logger
    let locks = SandboxLocks()
    let isRoot = geteuid() == 0
    /// What the daemon said about itself when it was first asked.
    let known = Mutex<DaemonInformation?>(nil)
    /// Held while the shared files are brought up to date.
    let preparation = Mutex(false)
    private let gate: @Sendable (SandboxSpec) -> (any OutboundGate)?
    private let lane = BlockingLane(threadLimit: 16)
    private let confinement: @Sendable (Int32, FileIdentity) -> ContainerConfinement?

    private static let attachDeadline = Duration.seconds(3)

    /// - Parameter gate: serves what a sandbox sends to the outside; nil lets nothing out.
    public convenience init(
        configuration: DockerConfiguration, gate: @escaping @Sendable (SandboxSpec) -> (any OutboundGate)?,
        logger: Logger
    ) {
        self.init(configuration: configuration, gate: gate, logger: logger, confinement: nil)
    }

    /// - Parameter confinement: looks at a process instead of the kernel, for daemons that are none.
    init(
        configuration: DockerConfiguration, gate: @escaping @Sendable (SandboxSpec) -> (any OutboundGate)?,
        logger: Logger, confinement: (@Sendable (Int32, FileIdentity) -> ContainerConfinement?)?
    ) {
        self.configuration = configuration
        self.gate = gate
        self.logger = logger
        let paths = EnginePaths(state: configuration.stateDirectory, runtime: configuration.runtimeDirectory)
        self.paths = paths
        disk = WorkDisk(paths: paths, usesImages: geteuid() == 0)
        shelf = SnapshotShelf(state: paths.state, engine: name)
        owner = String(StableHash.of(configuration.runtimeDirectory), radix: 36)
        daemon = ContainerDaemon(
            socketPath: configuration.socketPath, deadline: configuration.answerDeadline,
            pullDeadline: configuration.pullDeadline)
        let root = configuration.cgroupRoot
        self.confinement =
            confinement ?? { ContainerConfinement.read($0, executable: $1, cgroupRoot: root) }
    }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        try refuseUnsupported(spec)
        return try await locks.withLock(spec.id) { () async throws(SandboxError) in
            if let living = try await attach(spec) { return living }
            return try await create(spec)
        }
    }

    /// The same for the same sandbox: a second attempt to create meets the first one.
    func containerName(_ id: SandboxID) -> String { "perimeter-\(owner)-\(id)" }
    func socket(_ id: SandboxID) -> ContainerSocket {
        ContainerSocket(folder: paths.sandbox(id).folder + "/socket")
    }

    func ledger(_ id: SandboxID) async -> ContainerLedger? {
        let path = paths.sandbox(id).ledger
        return await offPool { HostFiles.text(path).flatMap { ContainerLedger(parsing: $0) } }
    }

    // MARK: - Attaching

    /// Comes back to a sandbox that lives already; nil when there is none that can be used.
    private func attach(_ spec: SandboxSpec) async throws(SandboxError) -> (any Sandbox)? {
        guard let ledger = await ledger(spec.id), ledger.hasProxy == (spec.network != .none) else { return nil }
        let name = containerName(spec.id)
        let found: ContainerFacts?
        do throws(DaemonFailure) { found = try await daemon.inspect(name) } catch {
            throw SandboxError(error, while: "look for a container")
        }
        guard let facts = found, facts.isRunning, facts.labels[ContainerLabels.attempt] == ledger.attempt else {
            return nil
        }
        do throws(SandboxError) {
            try await wake(facts, ledger, spec)
            return try await connect(spec, facts, ledger, within: Self.attachDeadline)
        } catch {
            // What runs inside is not given up because the caller left or the container daemon is away for a moment.
            let isDaemonAway = (error.cause as? DaemonFailure).map { !$0.isRefusal } ?? false
            guard !Task.isCancelled, !isDaemonAway else { throw error }
            logger.warning(
                "a living sandbox cannot be used and is replaced",
                metadata: ["sandbox_id": "\(spec.id)", "code": "\(error.code)", "reason": "\(error.message)"])
            return nil
        }
    }

    /// Lets a paused container go on, within the bounds of this request.
    private func wake(
        _ facts: ContainerFacts, _ ledger: ContainerLedger, _ spec: SandboxSpec
    ) async throws(SandboxError) {
        if !ledger.hasBounds(spec.limits) {
            do throws(DaemonFailure) { try await daemon.update(facts.id, ContainerRequest.update(spec.limits)) } catch {
                throw SandboxError(error, while: "change a container's bounds")
            }
            var renewed = ledger
            renewed.take(spec.limits)
            try await write(renewed, spec.id)
        }
        guard facts.isPaused else { return }
        do throws(DaemonFailure) { try await daemon.unpause(facts.id) } catch {
            throw SandboxError(error, while: "let a container go on")
        }
    }

    private func write(_ ledger: ContainerLedger, _ id: SandboxID) async throws(SandboxError) {
        let path = paths.sandbox(id).ledger
        let result = await offPool { () -> Result<Void, SystemError> in
            do throws(SystemError) {
                try HostFiles.write(ledger.text, to: path, mode: 0o600)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        do { try result.get() } catch { throw SandboxError(error) }
    }

    // MARK: - The connection

    /// Closes the container's socket to the programs inside, looks at what holds them, and greets the daemon.
    func connect(
        _ spec: SandboxSpec, _ facts: ContainerFacts, _ ledger: ContainerLedger, within deadline: Duration
    ) async throws(SandboxError) -> ExecdSandbox {
        let descriptor: Int32
        do throws(SandboxError) { descriptor = try await dial(spec.id, facts.pid, within: deadline) } catch {
            // A daemon under another kernel makes its socket there: that is the better reason.
            if error.code == .timedOut { try await look(facts, ledger, spec.limits) }
            throw error
        }
        // Only now: until the daemon has made its socket, the first process may still be the runtime.
        do throws(SandboxError) { try await look(facts, ledger, spec.limits) } catch {
            close(descriptor)
            throw error
        }
        let client = try await ExecdClient.connect(
            descriptor: descriptor, token: ledger.token, gate: gate(spec), deadline: deadline, logger: logger)
        return ExecdSandbox(id: spec.id, boundary: boundary, client: client, keeper: self)
    }

    /// Throws when the kernel does not hold the container as it was asked for.
    private func look(
        _ facts: ContainerFacts, _ ledger: ContainerLedger, _ limits: ResourceLimits
    ) async throws(SandboxError) {
        let violations = await offPool { [confinement] in
            confinement(facts.pid, ledger.executable)?.violations(limits)
                ?? ["its first process cannot be seen from here"]
        }
        guard violations.isEmpty else {
            throw SandboxError(
                .unsupported,
                "the container daemon did not confine the sandbox: \(violations.joined(separator: ", ")); it must run on this "
                    + "host, as root, without mapped users, with seccomp, on a runtime that shares the host's kernel")
        }
    }

    private static let firstPause = Duration.milliseconds(1)
    private static let longestPause = Duration.milliseconds(20)

    /// Waits until the daemon inside listens.
    private func dial(_ id: SandboxID, _ pid: Int32, within deadline: Duration) async throws(SandboxError) -> Int32 {
        let clock = ContinuousClock()
        let end = clock.now + deadline
        let socket = socket(id)
        var pause = Self.firstPause
        while true {
            let attempt = await offPool { () -> Result<Int32, SystemError>? in
                guard socket.isThere else { return nil }
                do throws(SystemError) {
                    try socket.seal()
                    return .success(try socket.connect())
                } catch {
                    // It is there a moment before it listens.
                    return error.code == ECONNREFUSED ? nil : .failure(error)
                }
            }
            switch attempt {
            case .success(let descriptor): return descriptor
            case .failure(let error): throw SandboxError(.lost, "no daemon listens in the sandbox", cause: error)
            case nil: break
            }
            guard SandboxLedger.startTime(of: pid) != nil else {
                throw SandboxError(.lost, "the daemon in the sandbox ended at once")
            }
            guard clock.now + pause < end else {
                throw SandboxError(.timedOut, "no daemon answers in the sandbox within \(deadline)")
            }
            do { try await clock.sleep(for: pause) } catch {
                throw SandboxError(.lost, "connecting to the sandbox was cancelled", cause: error)
            }
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// Runs blocking work on the threads that are there for it.
    func offPool<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value { await lane.run(body) }
}
