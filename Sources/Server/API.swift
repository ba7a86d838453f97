internal import Hummingbird
internal import Logging
internal import Models
internal import NIOCore
internal import Orchestrator
internal import Store
internal import Wire

/// What every route needs. Routes lie in extensions, in folders named after their API noun.
struct API: Sendable {
    let store: Store
    let models: ModelTable
    let previews: PreviewHub
    let authenticator: Authenticator
    let presence: WorkerPresence
    let startStages: StartStages
    let streams: StreamHub
    let logger: Logger
    let configuration: ServerConfiguration

    typealias Routes = RouterGroup<APIContext>

    /// Time and ids come from the store, so that a test which drives its clock drives all of it.
    var clock: any WallClock { store.clock }
    var ids: any IdentifierSource { store.ids }
    var bodyLimit: Int { configuration.bodyLimit }

    func addRoutes(to router: Router<APIContext>) {
        router.get("healthz") { _, _ in Response.json(["status": "ok"]) }
        router.get("readyz") { _, _ in
            // Answers only when the store does.
            _ = try await store.key(hash: "")
            return Response.json(["status": "ready"])
        }
        addMetrics(to: router)
        let routes = router.group("v1")
        addAgents(to: routes.group("agents"))
        addEnvironments(to: routes.group("environments"))
        addWork(to: routes.group("environments/:environment/work"))
        addEnvironmentKeys(to: routes.group("environments/:environment/keys"))
        addSessions(to: routes.group("sessions"))
        addSandboxes(to: routes.group("sessions/:session/sandbox"))
        addPortPreviews(to: routes.group("sessions/:session/sandbox/previews"))
        addSessionSecrets(to: routes.group("sessions/:session/sandbox/secrets"))
        addSessionEnvironment(to: routes.group("sessions/:session/sandbox/environment"))
        addStreams(to: routes.group("sessions/:session/sandbox/streams"))
        addEvents(to: routes.group("sessions/:session/events"))
        addThreads(to: routes.group("sessions/:session/threads"))
        addVaults(to: routes.group("vaults"))
        addCredentials(to: routes.group("vaults/:vault/credentials"))
        addModels(to: routes.group("models"))
        addKeys(to: routes.group("organizations/api_keys"))
        addWorkspaces(to: routes.group("organizations/workspaces"))
        addAudit(to: routes.group("organizations/audit"))
    }

    func environmentID(_ context: APIContext) throws(WireError) -> EnvironmentID {
        try context.id("environment", EnvironmentID.self, "environment")
    }
}
