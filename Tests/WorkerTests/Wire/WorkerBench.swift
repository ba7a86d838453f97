import AsyncHTTPClient
import Egress
import Logging
import Sandbox
import Testing
import Wire

@testable import Worker

/// A worker, the server that it talks to, and its sandboxes, for one test.
struct WorkerBench: Sendable {
    let server: ScriptedServer
    let provider = FakeProvider()
    let shutdown = Latch()
    let folder: TemporaryFolder
    var stateDirectory: String { folder.path }
    var maxIdle: Duration? = .milliseconds(50)
    var drainTimeout = Duration.seconds(5)
    var environment = "env_1"
    var allowedHosts: [String] = []

    static let key = "sk-ant-oat01-key"
    static let token = "sk-ant-req-token"

    init() throws {
        server = try ScriptedServer()
        folder = try TemporaryFolder()
    }

    /// An item as the hosted queue sends it, padding removed as it does.
    static func item(work: String = "work_1", session: String = "sesn_1", secret: String? = nil) -> String {
        let json = secret ?? #"{"sessions_token":"\#(token)","ingress":"x"}"#
        let encoded = Base64.encode(Array(json.utf8)).filter { $0 != "=" }
        return #"{"type":"work","id":"\#(work)","environment_id":"env_1","state":"queued","data":{"type":"session","#
            + #""id":"\#(session)"},"metadata":{},"secret":"\#(encoded)","created_at":"2026-10-31T12:00:00Z","later":[1]}"#
    }

    func configuration() throws -> WorkerConfiguration {
        guard let key = Credential(Self.key) else { throw ScriptedServer.Failure() }
        return try WorkerConfiguration(
            serverURL: server.url, environment: environment, environmentKey: key, stateDirectory: stateDirectory,
            workerID: "bench-0123456789ab", maxIdle: maxIdle, allowedHosts: allowedHosts, drainTimeout: drainTimeout)
    }

    var egress: WorkerEgress {
        WorkerEgress(
            context: EgressContext(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
            folder: stateDirectory + "/egress")
    }

    /// Runs a worker while `body` plays the other side; shuts it down gracefully afterwards.
    func serve(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let worker = EnvironmentWorker(
            configuration: try configuration(), provider: provider, egress: egress, httpClient: HTTPClient.shared,
            logger: Logger(label: "worker-tests", factory: { _ in SwiftLogNoOpLogHandler() }))
        defer { server.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run(until: shutdown) }
            group.addTask {
                defer { shutdown.open() }
                try await body()
            }
            try await group.waitForAll()
        }
    }

    /// Waits until something holds; a test that would wait for ever fails.
    func until(_ what: Comment, _ condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !condition() {
            guard ContinuousClock.now < deadline else {
                Issue.record("waited too long until \(what)")
                throw ScriptedServer.Failure()
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    func posts() -> [RecordedRequest] { server.requests.filter { $0.method == "POST" && $0.path.hasSuffix("/events") } }
    func isStopped(_ work: String = "work_1") -> Bool {
        server.requests.contains { $0.path.hasSuffix("/work/\(work)/stop") }
    }
    func stopped(_ work: String = "work_1") async throws { try await until("stopped") { isStopped(work) } }

    static let idle =
        #"{"type":"session.status_idle","id":"sevt_idle","stop_reason":{"type":"end_turn"},"stop_details":null}"#
    static func bash(_ id: String, _ command: String, permission: String? = nil) -> String {
        let gate = permission.map { #","evaluated_permission":"\#($0)""# } ?? ""
        return #"{"type":"agent.tool_use","id":"\#(id)","name":"bash","input":{"command":"\#(command)"}\#(gate)}"#
    }
}
