internal import AsyncHTTPClient
internal import Logging
internal import Models
internal import Orchestrator
internal import Server
internal import ServiceLifecycle
internal import Store
internal import Synchronization
internal import Wire

/// The parts of the server over one data directory: store, agent loop, HTTP API.
struct ServerSide: Sendable {
    let store: Store
    let server: PerimeterServer
    let orchestrator: Orchestrator
    /// Opens with the port that the API was bound to.
    let listening: ListeningPort

    /// Opens the store, makes sure that the organisation's key works, and builds the parts. Nothing runs yet.
    ///
    /// - Parameter body: gets the parts; when it returns, the store is closed.
    /// - Throws: ``CommandError`` for settings that cannot work.
    static func with(
        _ settings: Settings, _ directory: borrowing DataDirectory, logger: Logger,
        _ body: (ServerSide) async throws -> Void
    ) async throws {
        if let url = settings.databaseURL, url.hasPrefix("postgres") {
            throw CommandError(
                .usage, "database_url: this build has no PostgreSQL driver",
                remedy: "remove PERIMETER_DATABASE_URL to use the embedded store")
        }
        let store = try await unlocked(
            try await open(settings.databaseURL ?? directory.databasePath), settings, directory, logger: logger)
        // The data directory is locked, so no living process holds a lease.
        try await store.releaseAllLeases()
        let adminKey = try settings.adminKey?.reveal() ?? KeyFile.admin(in: directory.path).readOrCreate()
        if adminKey.utf8.count < 16 {
            logger.warning(
                "the organisation's key is short and could be guessed: leave PERIMETER_ADMIN_KEY unset to have one made"
            )
        }
        try await store.ensureKey(KeySecret(adminKey), kind: .organization, name: "bootstrap")
        do {
            try await HTTPClient.with(.models()) { http in
                let models = try ModelTable(settings: settings, http: http, logger: logger)
                let previews = PreviewHub()
                let listening = ListeningPort()
                let server = PerimeterServer(
                    store: store, models: models, previews: previews,
                    configuration: ServerConfiguration(
                        host: settings.listen.host, port: settings.listen.port, bodyLimit: settings.bodyLimit,
                        requiresBetaHeaders: settings.requiresBetaHeaders, previewURL: settings.previewURL),
                    logger: logger, onListening: { listening.open($0) })
                let orchestrator = Orchestrator(store: store, models: models, previews: previews, logger: logger)
                try await body(
                    ServerSide(store: store, server: server, orchestrator: orchestrator, listening: listening))
            }
        } catch {
            try? await store.close()
            throw error
        }
        try await store.close()
    }

    /// The store with the master keys; secrets that are still under an older one are sealed again.
    private static func unlocked(
        _ store: Store, _ settings: Settings, _ directory: borrowing DataDirectory, logger: Logger
    ) async throws -> Store {
        let keys = try MasterKeyring(dataDirectory: directory.path).keys(
            setting: settings.masterKey, used: try await store.sealingKeyIDs())
        let store = store.sealing(with: keys)
        let resealed = try await store.reseal()
        if resealed > 0 {
            logger.info("secrets sealed again under the current master key", metadata: ["count": "\(resealed)"])
        }
        return store
    }

    /// - Throws: ``CommandError`` when the store cannot be used.
    static func open(_ path: String) async throws(CommandError) -> Store {
        do {
            return try await Store(database: try SQLiteDatabase(path: path))
        } catch {
            throw CommandError(
                .failure, "the store at \(path) cannot be used: \(error)",
                remedy: "run `perimeter doctor`, or name another directory with --data-dir")
        }
    }
}

/// The port of the API, known once the address is bound.
final class ListeningPort: Sendable {
    private struct State {
        var port: Int?
        var waiters: [CheckedContinuation<Int?, Never>] = []
        var isClosed = false
    }
    private let state = Mutex(State())

    func open(_ port: Int) { finish { $0.port = port } }

    /// Lets everybody go who still waits.
    func close() { finish { $0.isClosed = true } }

    /// Waits for the port; nil when there will be none.
    func wait() async -> Int? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known: Int?? = state.withLock { state in
                    if let port = state.port { return .some(port) }
                    if state.isClosed { return .some(nil) }
                    state.waiters.append(continuation)
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            close()
        }
    }

    private func finish(_ change: (inout State) -> Void) {
        let (port, waiters) = state.withLock { state in
            change(&state)
            defer { state.waiters = [] }
            return (state.port, state.waiters)
        }
        for waiter in waiters { waiter.resume(returning: port) }
    }
}
