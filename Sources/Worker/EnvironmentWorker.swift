public import Archive
public import AsyncHTTPClient
public import Logging
public import Sandbox
public import ServiceLifecycle

internal import NIOCore
internal import Synchronization
internal import Wire

/// Serves the sessions of an environment: claims work, runs its tools in sandboxes, posts the results.
///
/// ```swift
/// let worker = EnvironmentWorker(configuration: settings, provider: engine, httpClient: client, logger: logger)
/// try await ServiceGroup(services: [worker], gracefulShutdownSignals: [.sigterm], logger: logger).run()
/// ```
public struct EnvironmentWorker: Service {
    private let configuration: WorkerConfiguration
    private let provider: any SandboxProvider
    private let egress: WorkerEgress?
    private let archive: SnapshotArchive?
    private let files: (any SessionFiles)?
    private let httpClient: HTTPClient
    private let logger: Logger

    /// - Parameters:
    ///   - egress: makes the gates of sandboxes; without it no sandbox has a way out.
    ///   - archive: where snapshots that are too old are looked for beside this host.
    ///   - files: the work directories of sessions on this host, removed once the sessions are over.
    public init(
        configuration: WorkerConfiguration, provider: any SandboxProvider, egress: WorkerEgress? = nil,
        archive: SnapshotArchive? = nil, files: (any SessionFiles)? = nil, httpClient: HTTPClient, logger: Logger
    ) {
        self.archive = archive
        self.files = files
        self.configuration = configuration
        self.egress = egress
        self.provider = provider
        self.httpClient = httpClient
        self.logger = logger
    }

    /// Settings of an HTTP client that this many sessions need: each holds its event stream open beside its requests, and
    /// no redirect may carry a key to another host.
    public static func clientConfiguration(concurrentSessions: Int) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(5)
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = concurrentSessions * 6 + 8
        return configuration
    }

    /// Sandboxes that are to stay when the process ends: they are paused.
    /// - Parameter stateDirectory: as in ``WorkerConfiguration/stateDirectory``.
    public static func pausedSandboxes(stateDirectory: String) async -> Set<SandboxID> {
        await SessionFolder(root: stateDirectory, queue: BlockingQueue(label: "perimeter.worker.paused")).paused()
    }

    /// Claims and serves until shutdown is asked for; then lets running calls finish within the drain timeout and returns.
    ///
    /// - Throws: ``WorkerError`` `.unusableEngine` before anything is claimed; `.unauthorized` or `.notFound` when the queue
    ///   refuses the environment key. Sessions that are served then are drained first.
    /// - Cancellation: kills running calls, posts nothing, and returns; the leases run out.
    public func run() async throws {
        let shutdown = Latch()
        try await withGracefulShutdownHandler {
            try await run(until: shutdown)
        } onGracefulShutdown: {
            shutdown.open()
        }
    }

    /// As ``run()``, stopped by a latch.
    func run(until shutdown: Latch) async throws(WorkerError) {
        let report = await provider.probe()
        guard report.isUsable else {
            let problems = report.problems.filter(\.isFatal).map { "\($0.summary) (\($0.remedy))" }
            throw WorkerError(
                .unusableEngine, "engine \(report.engine) cannot be used: \(problems.joined(separator: "; "))")
        }
        let api = APIClient(baseURL: configuration.serverURL, http: httpClient)
        let queue = QueueClient(
            api: api, environment: configuration.environment, key: configuration.environmentKey,
            workerID: configuration.workerID, blockMilliseconds: configuration.blockMilliseconds)
        let folder = SessionFolder(
            root: configuration.stateDirectory, queue: BlockingQueue(label: "perimeter.worker.journal"))
        let roster = IdleRoster()
        let sweeper = SandboxSweeper(
            provider: provider, folder: folder,
            retention: RetentionSweeper(
                policy: configuration.retention, provider: provider, archive: archive, files: files, folder: folder,
                queue: queue, clock: SystemWallClock(), logger: logger))
        let build = PackageBuild(
            provider: provider, configuration: configuration, egress: egress, sweeper: sweeper, folder: folder,
            logger: logger)
        let layers = PackageLayers(provider: provider, logger: logger) { request, name async throws(SandboxError) in
            try await build.run(request, as: name)
        }
        let runner = SessionRunner(
            configuration: configuration, api: api, queue: queue, provider: provider, folder: folder,
            egress: egress, layers: layers, boundary: Self.note(report), roster: roster, shutdown: shutdown,
            logger: logger)
        logger.info(
            "worker started",
            metadata: [
                "environment_id": "\(configuration.environment)", "worker_id": "\(configuration.workerID)",
                "engine": "\(report.engine)",
            ])
        let result: Result<Void, WorkerError> = await withTaskGroup(of: Void.self) { group in
            group.addTask { await sweeper.run() }
            defer { group.cancelAll() }
            let claims = ClaimLoop(
                queue: queue, slots: configuration.concurrentSessions, roster: roster, shutdown: shutdown,
                logger: logger)
            do throws(WorkerError) {
                try await claims.run { item in
                    await sweeper.serving(item) { await runner.serve(item) }
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        logger.info("worker stopped", metadata: ["worker_id": "\(configuration.workerID)"])
        try result.get()
    }

    /// The engine and its boundary as a header can carry them.
    static func note(_ report: EngineReport) -> String {
        let text = report.boundary.hasPrefix(report.engine) ? report.boundary : "\(report.engine): \(report.boundary)"
        let printable = text.unicodeScalars.map { (0x20...0x7E).contains($0.value) ? Character($0) : "?" }
        return String(printable.prefix(200))
    }
}
