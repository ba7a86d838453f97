internal import Glibc
internal import Logging
internal import Sandbox
internal import Wire

extension DockerEngine {
    /// A bound that cannot be enforced is an error.
    func refuseUnsupported(_ spec: SandboxSpec) throws(SandboxError) {
        guard isRoot else {
            throw SandboxError(
                .unsupported, "the docker engine bounds the disk by images that it mounts: run the worker as root")
        }
        try SpecChecks.refuseWritableSystem(spec, "docker")
        guard spec.gpus == 0 else { throw SandboxError(.unsupported, "the docker engine passes no GPUs through") }
        let limits = spec.limits
        guard limits.memoryBytes >= 16 << 20, limits.processes >= 8, limits.cpuPercent >= 1,
            limits.diskBytes >= 16 << 20
        else {
            throw SandboxError(
                .unsupported, "limits need at least 16 MiB of memory, 8 processes, 1 % CPU and 16 MiB of disk")
        }
    }

    /// Makes a sandbox; what was made is removed again when a step fails.
    func create(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        var times = StageTimes()
        try await refuseDaemon()
        let (image, reference) = try await image(for: spec)
        if let refusal = ContainerRequest.refusal(of: image) { throw SandboxError(.unsupported, refusal) }
        try await clear(spec.id)
        times.end("look")
        do throws(SandboxError) {
            let ledger = try await prepare(spec, reference)
            times.end("prepare")
            let container = try await createContainer(spec.id, request(spec, image, ledger), ledger)
            times.end("create")
            let facts = try await start(container)
            times.end("start")
            let sandbox = try await connect(spec, facts, ledger, within: configuration.readyDeadline)
            times.end("ready")
            logger.debug("sandbox created", metadata: times.metadata(spec.id))
            return sandbox
        } catch {
            let failure = await explained(error, spec.id)
            // What cannot be removed now is found by its label and removed by the next sweep.
            try? await clear(spec.id)
            throw failure
        }
    }

    private func request(_ spec: SandboxSpec, _ image: ImageFacts, _ ledger: ContainerLedger) -> ContainerRequest {
        let expiry = Int(time(nil)) + Int(configuration.retention.components.seconds)
        return ContainerRequest(
            spec: spec, image: image,
            labels: [
                (ContainerLabels.owner, owner), (ContainerLabels.sandbox, spec.id.rawValue),
                (ContainerLabels.expires, "\(expiry)"), (ContainerLabels.attempt, ledger.attempt),
            ],
            token: ledger.token, execdPath: paths.execd, socketFolder: socket(spec.id).folder,
            workFolder: disk.source(spec.id), runtime: configuration.runtime,
            openFiles: HostLimits.openFiles, processNumbers: HostLimits.processNumbers)
    }

    /// Everything on the host that the container needs. The ledger is on disk before anything is asked for.
    private func prepare(
        _ spec: SandboxSpec, _ image: ImageReference
    ) async throws(SandboxError) -> ContainerLedger {
        let result = await offPool { [self] () -> Result<ContainerLedger, SystemError> in
            do throws(SystemError) {
                try prepareHost(diskBytes: spec.limits.diskBytes)
                guard let executable = FileIdentity(paths.execd) else { throw SystemError("find \(paths.execd)") }
                let ledger = ContainerLedger(
                    attempt: ContainerLedger.newAttempt(), token: ExecdToken(), executable: executable, spec: spec,
                    image: image)
                let sandbox = paths.sandbox(spec.id)
                try HostFiles.makeFolder(sandbox.folder, mode: 0o700)
                try HostFiles.write(ledger.text, to: sandbox.ledger, mode: 0o600)
                try socket(spec.id).prepare()
                if case .snapshot(let name) = spec.source {
                    try shelf.place(name, at: sandbox.image, within: spec.limits.diskBytes)
                }
                try disk.open(spec.id, bytes: spec.limits.diskBytes, owner: UInt32(ContainerRequest.user))
                return .success(ledger)
            } catch {
                return .failure(error)
            }
        }
        do { return try result.get() } catch { throw SandboxError(error) }
    }

    /// Creates the container, or adopts the one that an unanswered attempt of this call has created.
    /// - Returns: its identifier.
    private func createContainer(
        _ id: SandboxID, _ request: ContainerRequest, _ ledger: ContainerLedger
    ) async throws(SandboxError) -> String {
        let name = containerName(id)
        do throws(DaemonFailure) {
            do throws(DaemonFailure) { return try await daemon.create(name, request.body) } catch {
                guard error.isAmbiguous || error.isConflict, let found = try await daemon.inspect(name) else {
                    throw error
                }
                if found.labels[ContainerLabels.attempt] == ledger.attempt { return found.id }
                guard found.labels[ContainerLabels.owner] == owner else { throw error }
                try await daemon.remove(found.id)
                return try await daemon.create(name, request.body)
            }
        } catch {
            throw SandboxError(error, while: "create the container \(name)")
        }
    }

    /// - Returns: the facts of the running container.
    private func start(_ container: String) async throws(SandboxError) -> ContainerFacts {
        do throws(DaemonFailure) {
            do throws(DaemonFailure) { try await daemon.start(container) } catch {
                // It may have started: a second start of a running container changes nothing.
                guard case .broken = error else { throw error }
                try await daemon.start(container)
            }
            guard let facts = try await daemon.inspect(container) else {
                throw .broken("the container vanished")
            }
            guard facts.isRunning, facts.pid > 0 else { throw .broken("it ended with code \(facts.exitCode) at once") }
            if let wanted = configuration.runtime, facts.runtime != wanted {
                throw .refused(
                    status: 501,
                    message:
                        "the runtime '\(wanted)' was passed over: Podman takes it from its containers.conf alone")
            }
            return facts
        } catch {
            throw SandboxError(error, while: "start a container")
        }
    }

    /// Adds what the daemon knows about a container that ended before it could be used.
    private func explained(_ error: SandboxError, _ id: SandboxID) async -> SandboxError {
        guard error.code == .lost || error.code == .timedOut, !Task.isCancelled else { return error }
        let found = try? await daemon.inspect(containerName(id))
        // Podman hears of the end of a container a moment after the kernel does.
        guard let facts = found, !facts.isRunning else {
            return error.code == .timedOut
                ? error : SandboxError(.unavailable, "the container ended while it started", cause: error)
        }
        let words = facts.failure.isEmpty ? "" : ": \(facts.failure)"
        return SandboxError(
            .unavailable, "the container ended with code \(facts.exitCode) while it started\(words)", cause: error)
    }

    // MARK: - The image

    /// The image of a request and the reference that names it; refused when the daemon does not have it.
    private func image(for spec: SandboxSpec) async throws(SandboxError) -> (ImageFacts, ImageReference) {
        let text: String
        switch spec.source {
        case .engineDefault: text = configuration.image
        case .image(let name): text = name
        case .snapshot(let name):
            let path = paths.sandbox(spec.id).image
            let kept = await offPool { [shelf] in shelf.system(of: name, orOf: path).flatMap { ImageReference($0) } }
            guard let kept else { throw SandboxError(.unsupported, "there is no snapshot '\(name)'") }
            text = kept.text
        }
        guard let reference = ImageReference(text) else {
            throw SandboxError(.unsupported, "'\(DaemonFailure.printable(text))' is not the name of an image")
        }
        do throws(DaemonFailure) {
            if let facts = try await daemon.image(reference) { return (facts, reference) }
            guard configuration.pulls else {
                throw .refused(status: 501, message: "it does not have it: run `docker pull \(reference.text)`")
            }
            try await daemon.pull(reference)
            if let facts = try await daemon.image(reference) { return (facts, reference) }
            throw .refused(status: 501, message: "it does not have it after fetching it")
        } catch {
            throw SandboxError(error, while: "find the image '\(reference.text)'")
        }
    }
}

/// How long the stages of a creation took, for the log.
private struct StageTimes {
    private let clock = ContinuousClock()
    private var last = ContinuousClock.now
    private var stages: [(name: String, time: Duration)] = []

    mutating func end(_ stage: String) {
        let now = clock.now
        stages.append((stage, now - last))
        last = now
    }

    func metadata(_ id: SandboxID) -> Logger.Metadata {
        stages.reduce(into: ["sandbox_id": "\(id)"]) { $0[$1.name] = "\($1.time)" }
    }
}
