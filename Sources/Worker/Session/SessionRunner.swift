internal import Egress
internal import Logging
internal import Sandbox
internal import Synchronization
internal import Wire

/// Serves one claimed item from its acknowledgement to its end. Never throws: it settles its item.
struct SessionRunner: Sendable {
    let configuration: WorkerConfiguration
    let api: APIClient
    let queue: QueueClient
    let provider: any SandboxProvider
    let folder: SessionFolder
    /// Nil gives no sandbox a way out.
    let egress: WorkerEgress?
    let layers: PackageLayers
    /// Shown on the session by our own server.
    let boundary: String
    let roster: IdleRoster
    /// Opens when the worker stops.
    let shutdown: Latch
    let logger: Logger

    /// Returns when the item is stopped, lost, or handed back.
    func serve(_ item: WorkItem) async {
        guard case .session(let session) = item.kind, let sandboxID = SandboxID(session.rawValue) else {
            return await skip(item)
        }
        // Not acknowledged, the item surfaces again after a few seconds; acknowledged, only after its lease.
        guard !shutdown.isOpen else { return }
        var logger = logger
        logger[metadataKey: "session_id"] = "\(session)"
        logger[metadataKey: "work_id"] = "\(item.id)"
        let journal: CallJournal
        do throws(WorkerError) {
            try await folder.mark(session)
            journal = try await folder.journal(session)
        } catch {
            // Without a journal nothing can be run at most once; the item surfaces again, here or elsewhere.
            logger.error("call journal not usable", metadata: ["reason": "\(error.message)"])
            try? await Task.sleep(for: .seconds(1))
            return
        }
        var preferences = SandboxPreferences()
        var refusal: SandboxError?
        do throws(WireError) { preferences = try SandboxPreferences(metadata: item.secret?.sandbox) } catch {
            // A newer server may know bounds that this worker could not keep.
            refusal = SandboxError(
                .unsupported, "the environment asks for what this worker does not know: \(error.message)")
        }
        let start = StartReport()
        let client = SessionClient(
            api: api, session: session, credential: item.secret?.sessionsToken ?? configuration.environmentKey)
        let secrets = item.secret?.hasVaults == true ? SecretFeed(client: client, logger: logger) : nil
        let network = NetworkPolicy.effective(
            allowedHosts: configuration.allowedHosts, environment: item.secret?.environment)
        let way = await egress?.open(
            network, leaks: LeakRule.rules(of: preferences), for: session, in: item.environment,
            secrets: secrets?.table, denials: start.denials)
        let settings = SessionSettings(gateAuthorities: way?.certificate.map { [$0] } ?? [])
        let spec = SandboxSpec(
            id: sandboxID, limits: configuration.limits.within(preferences), network: network, gate: way?.gate,
            source: (item.secret?.snapshot ?? preferences.snapshot).flatMap { $0.id(in: item.environment) }
                .map { .snapshot($0) } ?? .engineDefault,
            system: preferences.canChangeSystem == true ? .writable : .readOnly, gpus: preferences.gpus ?? 0,
            warm: WarmWish(owner: item.environment.rawValue, count: preferences.warm))
        var packages: SandboxHolder.Preparation?
        do throws(SandboxError) { packages = try preparation(item, session, spec) } catch { refusal = error }
        let holder = SandboxHolder(
            provider: provider, spec: spec, settings: settings.sandbox, secrets: secrets, packages: packages,
            pauseMark: PauseMark(folder: folder, session: session), isPaused: await folder.isPaused(session),
            start: start, logger: logger)
        if let refusal { holder.refuse(refusal) }
        // A server that names the environment is ours, and leaves fetching to the worker.
        let isOurs = item.secret?.environment != nil
        let tools = ToolUse.sandboxTools.union(isOurs ? [ToolUse.webFetch] : [])
        let board = SessionBoard(SessionMachine(tools: tools, maxIdle: configuration.maxIdle(preferences)))
        let calls = CallRunner(
            client: client, board: board, holder: holder, journal: journal, start: start,
            interruptedCalls: item.secret?.interruptedCalls ?? [], logger: logger)
        let end = await run(
            item, client: client, board: board, holder: holder, secrets: secrets, way: way, calls: calls, start: start,
            lifetime: preferences.lifetime.map { .seconds($0) }, logger: logger)
        await settle(item, session, end, holder: holder, journal: journal, logger: logger)
    }

    /// What brings the packages of the environment; nil when it names none. A kept sandbox has what it had when it was kept.
    private func preparation(
        _ item: WorkItem, _ session: RemoteID, _ spec: SandboxSpec
    ) throws(SandboxError) -> SandboxHolder.Preparation? {
        guard case .engineDefault = spec.source, let list = try PackageList(environment: item.secret?.environment)
        else {
            return nil
        }
        let request = PackageLayers.Request(
            list: list, environment: item.environment, session: session, limits: spec.limits)
        return { () async throws(SandboxError) in try await layers.layer(request, for: spec.id) }
    }

    /// Acknowledges what this worker cannot serve and ends it, so that the queue does not offer it for ever.
    private func skip(_ item: WorkItem) async {
        do throws(WorkerError) {
            try await queue.acknowledge(item, boundary: "")
            try await queue.forceStop(item)
        } catch {
            logger.warning("item not skipped", metadata: ["work_id": "\(item.id)", "code": "\(error.code)"])
        }
    }

    /// Nil when the item could not be acknowledged: it is not ours.
    private func run(
        _ item: WorkItem, client: SessionClient, board: SessionBoard, holder: SandboxHolder, secrets: SecretFeed?,
        way: SessionEgress?, calls: CallRunner, start: StartReport, lifetime: Duration?, logger: Logger
    ) async -> SessionEnd? {
        await withTaskGroup(of: Void.self, returning: SessionEnd?.self) { group in
            let agent = SessionAgent()
            let installer = SkillInstaller(
                api: api, token: client.credential, key: configuration.environmentKey, holder: holder, logger: logger)
            group.addTask {
                // What an earlier holder paused is prepared: it goes on when the first call needs it.
                guard !holder.isPaused else { return board.tell { $0.sandboxPrepared() } }
                // A failure is remembered by the holder and told to the model by the first call.
                _ = try? await holder.lease()
                await agent.fetched.wait()
                let begin = ContinuousClock.now
                await installer.install(agent.skills)
                start.note(.skills, .now - begin)
                board.tell { $0.sandboxPrepared() }
                start.prepared.open()
            }
            let begin = ContinuousClock.now
            guard await acknowledge(item, logger: logger) else {
                group.cancelAll()
                return nil
            }
            start.note(.claim, .now - begin)
            // A server that names the environment is ours.
            if item.secret?.environment != nil {
                group.addTask { await start.send(to: client, logger: logger) }
                group.addTask {
                    await PeopleStreams(
                        client: client, environment: item.environment, holder: holder, board: board, start: start,
                        logger: logger
                    ).run()
                }
            }
            if let way, item.secret?.environment != nil {
                group.addTask { await follow(EnvironmentFeed(client: client, logger: logger), way, holder) }
            }
            if let secrets {
                group.addTask {
                    await secrets.run { variables in
                        do throws(SandboxError) { try await holder.configure { $0.variables = variables } } catch {
                            logger.warning("variables not brought", metadata: ["reason": "\(error.message)"])
                        }
                    }
                }
            }
            group.addTask {
                let lease = LeaseDriver(queue: queue, item: item, leaseSeconds: configuration.leaseSeconds)
                if let end = await lease.run() { board.tell { $0.leaseEnded(end) } }
            }
            if let lifetime {
                group.addTask {
                    try? await Task.sleep(for: lifetime)
                    if !Task.isCancelled { board.tell { $0.end(.expired) } }
                }
            }
            group.addTask { await fetch(client, board: board, agent: agent, logger: logger) }
            group.addTask { await SessionFeed(client: client, board: board, logger: logger).run() }
            group.addTask {
                await shutdown.wait()
                guard shutdown.isOpen else { return }
                board.tell { $0.drain(until: ContinuousClock().now + configuration.drainTimeout) }
            }
            let end = await loop(client.session, board: board, holder: holder, calls: calls)
            roster.update(client.session, nil, board)
            group.cancelAll()
            return end
        }
    }

    /// Keeps the rules of the way out as the environment has them. One that is archived has no way out any more.
    private func follow(_ feed: EnvironmentFeed, _ way: SessionEgress, _ holder: SandboxHolder) async {
        await feed.run { environment in
            let policy =
                environment.isArchived
                ? .none
                : NetworkPolicy.effective(allowedHosts: configuration.allowedHosts, environment: environment.config)
            guard let certificate = await way.update(policy, environment.leaks) else { return }
            do throws(SandboxError) { try await holder.configure { $0.authorities = certificate } } catch {
                feed.logger.warning("certificate not brought", metadata: ["reason": "\(error.message)"])
            }
        }
    }

    private func acknowledge(_ item: WorkItem, logger: Logger) async -> Bool {
        do throws(WorkerError) {
            try await queue.acknowledge(item, boundary: boundary)
            return true
        } catch {
            logger.warning("item not acknowledged", metadata: ["code": "\(error.code)"])
            // Unacknowledged items surface again after a few seconds; one that is refused for good must not.
            guard !error.isRetryable, error.code != .cancelled else { return false }
            await stop(item, logger: logger)
            return false
        }
    }

    private func fetch(_ client: SessionClient, board: SessionBoard, agent: SessionAgent, logger: Logger) async {
        defer { agent.fetched.open() }
        var backoff = Backoff(first: .milliseconds(500), limit: .seconds(10))
        while !Task.isCancelled {
            do throws(WorkerError) {
                let session = try await client.fetch()
                agent.set(skills: session["agent"]?["skills"]?.arrayValue ?? [])
                let status = session["status"]?.stringValue
                board.tell { $0.sessionFetched(status: status, now: ContinuousClock().now) }
                return
            } catch {
                guard error.isRetryable || error.code == .malformed else {
                    if error.code == .cancelled { return }
                    logger.warning("session not fetched", metadata: ["code": "\(error.code)"])
                    return board.tell { $0.end(error.code == .notFound ? .finished : .failed) }
                }
                try? await Task.sleep(for: backoff.next(jitter: .random(in: 0...1)))
            }
        }
    }

    private func settle(
        _ item: WorkItem, _ session: RemoteID, _ end: SessionEnd?, holder: SandboxHolder, journal: CallJournal,
        logger: Logger
    ) async {
        logger.debug("session left", metadata: ["code": "\(end.map { "\($0)" } ?? "notAcknowledged")"])
        guard let end else { return await holder.detach() }
        // The sandbox first: once the item is stopped, the session may come back to this very worker.
        if end.destroysSandbox, !(end.keepsPaused && holder.isPaused) {
            await holder.destroy()
            await folder.unmarkPaused(session)
            do throws(WorkerError) { try await journal.compact() } catch {
                logger.warning("call journal not compacted", metadata: ["reason": "\(error.message)"])
            }
            await folder.unmark(session)
        } else {
            await holder.detach()
        }
        if end.stopsItem { await stop(item, logger: logger) }
    }

    private func stop(_ item: WorkItem, logger: Logger) async {
        var backoff = Backoff(first: .milliseconds(500), limit: .seconds(2))
        for _ in 0..<3 where !Task.isCancelled {
            do throws(WorkerError) { return try await queue.forceStop(item) } catch {
                logger.debug("item not stopped", metadata: ["code": "\(error.code)"])
                guard error.isRetryable else { return }
                try? await Task.sleep(for: backoff.next(jitter: .random(in: 0...1)))
            }
        }
    }
}
