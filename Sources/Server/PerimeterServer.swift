public import Logging
public import Models
public import Orchestrator
public import ServiceLifecycle
public import Store

internal import AsyncHTTPClient
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// The public HTTP API over one store.
///
/// ```swift
/// let server = PerimeterServer(
///     store: store, models: models, previews: previews, configuration: ServerConfiguration(port: 8700), logger: logger)
/// try await ServiceGroup(services: [server, orchestrator], logger: logger).run()
/// ```
public struct PerimeterServer: Service {
    private let store: Store
    private let models: ModelTable
    private let previews: PreviewHub
    private let configuration: ServerConfiguration
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - previews: where the orchestrator of this process publishes the deltas of running model requests.
    ///   - onListening: called once with the port that was bound.
    public init(
        store: Store, models: ModelTable, previews: PreviewHub, configuration: ServerConfiguration, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.store = store
        self.models = models
        self.previews = previews
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until graceful shutdown: streams end, running requests are answered.
    /// - Throws: when the address cannot be bound.
    public func run() async throws {
        let onListening = onListening
        // Its own lines repeat ours, and report every connection that a shutdown cuts as an error.
        var quiet = logger
        quiet.logLevel = .critical
        let sockets = PreviewSockets()
        let api = api()
        var client = HTTPClient.Configuration(redirectConfiguration: .disallow)
        client.connectionPool.retryConnectionEstablishment = false
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: client)
        let application = Application(
            router: router(api, previews: (sockets, http)),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: nil,
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.connectionLimit)),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: quiet)
        let result: Result<Void, any Error>
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await application.run() }
                group.addTask { await sockets.run { await api.servePreview($0, $1) } }
                try await group.next()
                group.cancelAll()
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try? await http.shutdown()
        try result.get()
    }

    func api() -> API {
        API(
            store: store, models: models, previews: previews,
            authenticator: Authenticator(store: store, clock: store.clock), presence: WorkerPresence(),
            startStages: StartStages(), streams: StreamHub(), logger: logger, configuration: configuration)
    }

    /// - Parameter previews: nil serves no ports of sandboxes.
    func router(_ api: API? = nil, previews: (PreviewSockets, HTTPClient)? = nil) -> Router<APIContext> {
        let api = api ?? self.api()
        let router = Router(context: APIContext.self)
        if let previews { router.add(middleware: PreviewProxy(api: api, sockets: previews.0, http: previews.1)) }
        router.add(
            middleware: APIMiddleware(
                authenticator: api.authenticator, betas: BetaHeaders(isStrict: configuration.requiresBetaHeaders),
                ids: store.ids, logger: logger))
        api.addRoutes(to: router)
        return router
    }
}
