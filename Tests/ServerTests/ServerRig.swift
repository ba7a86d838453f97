import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Models
import NIOCore
import Orchestrator
import Store
import Wire

@testable import Server

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The routes over a store in a folder of its own, with a key of each kind.
struct ServerRig: Sendable {
    let store: Store
    let client: any TestClientProtocol
    let environment: String
    let environmentKey: String
    let otherEnvironmentKey: String
    let session: String

    static let admin = "sk-ant-admin01-test"
    static let worker = "sk-ant-wrk01-test"
    static let betas = "managed-agents-2026-04-01"

    static func with(
        bodyLimit: Int = 1 << 16, _ body: @escaping @Sendable (ServerRig) async throws -> Void
    ) async throws {
        var template = Array("/tmp/perimeter-server-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw WireError.unavailable("no temporary folder") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        guard let key = MasterKey(Secret(String(repeating: "k", count: 32))) else {
            throw WireError.unavailable("no master key")
        }
        let store = try await Store(database: SQLiteDatabase(path: folder + "/store.db"))
            .sealing(with: MasterKeys(current: key))
        try await store.ensureKey(KeySecret(admin), kind: .organization, name: "test")
        try await store.ensureKey(KeySecret(worker), kind: .cloudWorker, name: "test")
        let server = PerimeterServer(
            store: store, models: ModelTable(default: RehearsalBackend()), previews: PreviewHub(),
            configuration: ServerConfiguration(bodyLimit: bodyLimit),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await Application(router: server.router()).test(.router) { client in
            try await body(try await prepared(store, client))
        }
        try await store.close()
    }

    private static func prepared(_ store: Store, _ client: any TestClientProtocol) async throws -> ServerRig {
        let rig = ServerRig(
            store: store, client: client, environment: "", environmentKey: "", otherEnvironmentKey: "", session: "")
        func text(_ json: JSON, _ key: String) throws -> String {
            guard let text = json[key]?.stringValue else { throw WireError.invalid("no \(key) in \(json.text)") }
            return text
        }
        let agent = try await rig.json(.post, "/v1/agents", ["name": "a", "model": "rehearsal-1"])
        let body: JSON = ["name": "e", "config": ["type": "self_hosted"]]
        let environment = try text(try await rig.json(.post, "/v1/environments", body), "id")
        let other = try text(try await rig.json(.post, "/v1/environments", body), "id")
        let session = try await rig.json(
            .post, "/v1/sessions", ["agent": agent["id"] ?? .null, "environment_id": .string(environment)])
        return ServerRig(
            store: store, client: client, environment: environment,
            environmentKey: try text(try await rig.json(.post, "/v1/environments/\(environment)/keys", [:]), "key"),
            otherEnvironmentKey: try text(try await rig.json(.post, "/v1/environments/\(other)/keys", [:]), "key"),
            session: try text(session, "id"))
    }

    /// One request as the SDK sends it.
    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil, key: String? = admin,
        headers: HTTPFields = [:], bytes: [UInt8]? = nil
    ) async throws -> TestResponse {
        var fields: HTTPFields = [:]
        fields[.version] = "2026-10-21"
        fields[.beta] = Self.betas
        if let key { fields[.authorization] = "Bearer \(key)" }
        for field in headers { fields[field.name] = field.value.isEmpty ? nil : field.value }
        let payload = bytes ?? body?.bytes
        return try await client.execute(
            uri: path, method: method, headers: fields, body: payload.map { ByteBuffer(bytes: $0) })
    }

    func json(_ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil, key: String? = admin) async throws
        -> JSON
    {
        let response = try await send(method, path, body, key: key)
        let json = try JSON(parsing: Array(response.body.readableBytesView))
        guard response.status == .ok else { throw WireError.invalid("\(path): \(json.text)") }
        return json
    }

    func status(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil, key: String? = admin
    ) async throws -> Int {
        try await send(method, path, body, key: key).status.code
    }
}
