internal import Glibc
public import Logging
public import Sandbox
internal import Synchronization

/// Sandboxes that the operator makes: a program or a service of theirs creates, connects and removes them, by the contract in
/// `docs/custom-engine.md`.
///
/// What the hook says about itself is believed only as far as the operator's ceiling, what it does not declare is refused,
/// and everything that it prints is parsed as hostile.
public final class CustomEngine: SandboxProvider, SandboxKeeper {
    public let name = "custom"

    let configuration: CustomConfiguration
    let ledger: CustomLedger
    let lane = BlockingLane(threadLimit: 32)
    let logger: Logger
    private let transport: Result<any HookTransport, SandboxError>
    private let gate: @Sendable (SandboxSpec) -> (any OutboundGate)?
    private let locks = SandboxLocks()
    private let known = Mutex<HookDescription?>(nil)

    private static let attachDeadline = Duration.seconds(10)
    private static let readyDeadline = Duration.seconds(30)

    /// - Parameter gate: serves what a sandbox sends to the outside; nil lets nothing out.
    public init(
        configuration: CustomConfiguration, gate: @escaping @Sendable (SandboxSpec) -> (any OutboundGate)?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.gate = gate
        self.logger = logger
        ledger = CustomLedger(folder: configuration.stateDirectory)
        transport = Self.transport(configuration, lane, logger)
    }

    private static func transport(
        _ configuration: CustomConfiguration, _ lane: BlockingLane, _ logger: Logger
    ) -> Result<any HookTransport, SandboxError> {
        switch configuration.hook {
        case .command(let path, let arguments, let environment):
            return .success(
                HookCommand(
                    path: path, arguments: arguments, environment: environment, deadline: configuration.deadline,
                    archiveDeadline: configuration.archiveDeadline, lane: lane, logger: logger))
        case .service(let text, let secret, let authority):
            guard let url = ServiceURL(text) else {
                return .failure(SandboxError(.unavailable, "the hook's address is no http or https URL"))
            }
            return .success(
                HookService(
                    url: url, secret: secret, authority: authority, deadline: configuration.deadline,
                    archiveDeadline: configuration.archiveDeadline, archiveLimit: configuration.archiveLimit,
                    lane: lane, logger: logger))
        }
    }

    /// Nothing before the hook was asked for the first time.
    public var capabilities: EngineCapabilities {
        known.withLock { $0?.limited(to: configuration.ceiling) ?? .none }
    }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        let description = try await description()
        try refuseUnsupported(spec, description.limited(to: configuration.ceiling))
        return try await locks.withLock(spec.id) { () async throws(SandboxError) in
            if let living = try await attach(spec, description) { return living }
            return try await create(spec, description)
        }
    }

    /// What the hook said last; asks it when it has said nothing yet.
    func description() async throws(SandboxError) -> HookDescription {
        if let description = known.withLock({ $0 }) { return description }
        return try await refreshedDescription()
    }

    func refreshedDescription() async throws(SandboxError) -> HookDescription {
        do throws(SandboxError) {
            guard let answer = try await hook().call(.describe, HookRequest.plain(try await owner()), archive: nil)
            else { throw SandboxError(.protocolViolation, "the hook knows no 'describe'") }
            let description = try HookDescription(parsing: answer)
            known.withLock { $0 = description }
            return description
        } catch {
            // What a hook cannot say any more it does not hold any more either.
            known.withLock { $0 = nil }
            throw error
        }
    }

    func hook() throws(SandboxError) -> any HookTransport { try transport.get() }

    func owner() async throws(SandboxError) -> String {
        let owner = await lane.run { [ledger] () -> Result<String, SystemError> in
            do throws(SystemError) { return .success(try ledger.owner()) } catch { return .failure(error) }
        }
        do { return try owner.get() } catch { throw SandboxError(error) }
    }

    /// Before anything is created.
    private func refuseUnsupported(
        _ spec: SandboxSpec, _ capabilities: EngineCapabilities
    ) throws(SandboxError) {
        func refuse(_ reason: String) -> SandboxError { SandboxError(.unsupported, reason) }
        switch spec.source {
        case .engineDefault: break
        case .image(let name):
            guard capabilities.images, !name.isEmpty, name.utf8.count <= 512,
                name.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { throw refuse("the hook declares no images, or the image has no usable name") }
        case .snapshot:
            guard capabilities.snapshot != .nothing else { throw refuse("the hook declares no snapshots") }
        }
        guard spec.gpus >= 0, spec.gpus <= capabilities.gpus else {
            throw refuse("the hook declares \(capabilities.gpus) GPUs")
        }
        guard capabilities.network || spec.network == .none else {
            throw refuse("the hook declares no way to the outside")
        }
        try SpecChecks.refuseWritableSystem(spec, "custom")
        try SpecChecks.check(spec)
        let missing = SpecChecks.bounds.filter { !capabilities.bounds.contains($0) }
        guard missing.isEmpty || configuration.allowsWeakerLimits else {
            throw refuse("the hook does not declare to bound \(missing.joined(separator: ", "))")
        }
    }

    /// Comes back to a sandbox that lives already; nil when there is none that can be used.
    private func attach(
        _ spec: SandboxSpec, _ description: HookDescription
    ) async throws(SandboxError) -> (any Sandbox)? {
        let entry = await lane.run { [ledger] in ledger.entry(spec.id) }
        // A hook cannot change the limits of a living sandbox: other ones mean another sandbox over the same files.
        guard let entry, entry.hasProxy == (spec.network != .none), entry.limits == spec.limits else { return nil }
        do throws(SandboxError) {
            guard
                let client = try await hook().connect(
                    spec.id, token: entry.token, gate: gate(spec), within: Self.attachDeadline)
            else { return nil }
            if entry.isPaused {
                var running = entry
                running.isPaused = false
                do throws(SandboxError) { try await write(running, for: spec.id) } catch {
                    await client.detach()
                    throw error
                }
            }
            return sandbox(spec.id, client, description, [:])
        } catch {
            // What runs inside is not given up because the caller left or the hook is away for a moment.
            guard !Task.isCancelled, error.code != .unavailable else { throw error }
            logger.warning(
                "a living sandbox cannot be used and is replaced",
                metadata: ["sandbox_id": "\(spec.id)", "code": "\(error.code)", "reason": "\(error.message)"])
            return nil
        }
    }

    private func create(
        _ spec: SandboxSpec, _ description: HookDescription
    ) async throws(SandboxError) -> any Sandbox {
        let clock = ContinuousClock()
        let begin = clock.now
        let owner = try await owner()
        let hook = try hook()
        let entry = CustomLedger.Entry(token: ExecdToken(), hasProxy: spec.network != .none, limits: spec.limits)
        try await write(entry, for: spec.id)
        do throws(SandboxError) {
            // Whatever half of a sandbox an earlier attempt may have left.
            _ = try await hook.call(.destroy, HookRequest.about(spec.id, owner), archive: nil)
            guard try await hook.call(.create, HookRequest.create(spec, token: entry.token, owner), archive: nil) != nil
            else { throw SandboxError(.unsupported, "the hook knows no such image or snapshot") }
            let created = clock.now
            guard
                let client = try await hook.connect(
                    spec.id, token: entry.token, gate: gate(spec), within: Self.readyDeadline)
            else { throw SandboxError(.lost, "the hook does not know the sandbox that it has just made") }
            return sandbox(
                spec.id, client, description, [.create: created - begin, .execdReady: clock.now - created])
        } catch {
            await remove(spec.id)
            throw error
        }
    }

    private func sandbox(
        _ id: SandboxID, _ client: ExecdClient, _ description: HookDescription, _ stages: [SandboxStage: Duration]
    ) -> any Sandbox {
        ExecdSandbox(id: id, boundary: boundary(description), client: client, keeper: self, stages: stages)
    }

    func write(_ entry: CustomLedger.Entry, for id: SandboxID) async throws(SandboxError) {
        let failure = await lane.run { [ledger] () -> SystemError? in
            do throws(SystemError) {
                try ledger.write(entry, for: id)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw SandboxError(failure) }
    }

    /// Idempotent, also for a caller that was cancelled. The ledger forgets only what the hook has confirmed to be gone.
    public func remove(_ id: SandboxID) async {
        // Waited for here: a request of a cancelled task would not be sent.
        await Task { await removeToTheEnd(id) }.value
    }

    private func removeToTheEnd(_ id: SandboxID) async {
        do throws(SandboxError) {
            let hook = try hook()
            await hook.disconnected(id)
            _ = try await hook.call(.destroy, HookRequest.about(id, try await owner()), archive: nil)
            await lane.run { [ledger] in ledger.forget(id) }
        } catch {
            logger.error(
                "sandbox stays behind until the next sweep",
                metadata: ["sandbox_id": "\(id)", "code": "\(error.code)", "reason": "\(error.message)"])
        }
    }

    public func pause(_ id: SandboxID) async throws(SandboxError) {
        let hook = try hook()
        await hook.disconnected(id)
        switch capabilities.pause {
        case .nothing: throw SandboxError(.unsupported, "the hook declares no pause")
        case .files: await remove(id)
        case .processes, .memory:
            guard var entry = await lane.run({ [ledger] in ledger.entry(id) }) else {
                throw SandboxError(.lost, "there is no such sandbox")
            }
            entry.isPaused = true
            try await write(entry, for: id)
            guard try await hook.call(.pause, HookRequest.about(id, try await owner()), archive: nil) != nil else {
                throw SandboxError(.lost, "the hook knows no such sandbox")
            }
        }
    }

    public func sweep(keeping live: Set<SandboxID>) async {
        var found = await lane.run { [ledger] in ledger.known }
        do throws(SandboxError) {
            found.formUnion(try await listed())
        } catch {
            logger.warning("the hook lists no sandboxes", metadata: ["code": "\(error.code)"])
        }
        for id in found where !live.contains(id) {
            await locks.withLock(id) {
                logger.info("sandbox of nobody removed", metadata: ["sandbox_id": "\(id)"])
                await remove(id)
            }
        }
    }

    private func listed() async throws(SandboxError) -> [SandboxID] {
        try HookRequest.sandboxes(
            try await hook().call(.list, HookRequest.plain(try await owner()), archive: nil))
    }

    public func shutdown() async { await sweep(keeping: []) }
}
