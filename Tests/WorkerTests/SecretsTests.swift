import AsyncHTTPClient
import Egress
import Logging
import Sandbox
import Testing
import Wire

@testable import Worker

@Suite(.timeLimit(.minutes(2))) struct SecretsTests {
    private static let placeholder = "perimeter-placeholder-0123456789abcdef"

    private static func answer(_ revision: String, value: String, hosts: String = #"["api.example.com"]"#) -> String {
        #"{"type":"session_secrets","revision":"\#(revision)","secrets":[{"variable":"TOKEN","#
            + #""placeholder":"\#(placeholder)","value":"\#(value)","vault_id":"vlt_1","credential_id":"vcrd_1","#
            + #""networking":{"type":"limited","allowed_hosts":\#(hosts)},"#
            + #""injection_location":{"header":true,"body":false}}]}"#
    }

    private static func item() -> String {
        WorkerBench.item(secret: #"{"sessions_token":"\#(WorkerBench.token)","has_vaults":true}"#)
    }

    @Test func `a sandbox gets placeholders, its gate the secrets, and changes while it runs`() async throws {
        var bench = try WorkerBench()
        bench.allowedHosts = ["*.example.com"]
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "echo")]
            state.secrets = [.status(503), .body(Self.answer("1", value: "first-secret"))]
            state.items = [Self.item()]
        }
        try await bench.serve { [bench] in
            try await bench.until("the call is answered") { bench.posts().count == 1 }
            let settings = try #require(bench.provider.settings.last)
            #expect(settings.variables == ["TOKEN": Self.placeholder])
            #expect(settings.authorities.hasPrefix("-----BEGIN CERTIFICATE-----"))
            let spec = try #require(bench.provider.specs.first)
            let table = try #require((spec.gate as? EgressGate)?.secrets)
            #expect(
                table.bindings == [
                    SecretBinding(
                        variable: "TOKEN", placeholder: Self.placeholder, secret: SecretValue("first-secret"),
                        hosts: .only(["api.example.com"]), appliesToHeaders: true, appliesToBody: false,
                        credential: "vcrd_1")
                ])
            bench.server.script { $0.secrets = [.body(Self.answer("2", value: "second-secret"))] }
            try await bench.until("the new secret") { table.bindings.first?.secret.reveal() == "second-secret" }
            bench.server.script { $0.secrets = [.status(403)] }
            try await bench.until("what a lost lease gave is gone") { table.bindings.isEmpty }
            bench.server.script { $0.secrets = [.body(Self.answer("3", value: "third-secret"))] }
            try await bench.until("it is back with the lease") { !table.bindings.isEmpty }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
            try await bench.until("nothing outlives the session") { table.bindings.isEmpty }
        }
        let asked = bench.server.requests.filter { $0.path.hasSuffix("/secrets") }
        #expect(asked.allSatisfy { $0.headers["authorization"] == "Bearer \(WorkerBench.token)" })
        #expect(bench.provider.specs.count == 1)
    }

    @Test func `without its secrets no sandbox is made, and the reason is told`() async throws {
        let bench = try WorkerBench()
        defer { bench.server.close() }
        let logger = Logger(label: "worker-tests", factory: { _ in SwiftLogNoOpLogHandler() })
        let client = SessionClient(
            api: APIClient(baseURL: bench.server.url, http: HTTPClient.shared),
            session: try #require(RemoteID("sesn_1")), credential: try #require(Credential(WorkerBench.token)))
        let feed = SecretFeed(client: client, patience: .milliseconds(20), logger: logger)
        let holder = SandboxHolder(
            provider: bench.provider, spec: SandboxSpec(id: try #require(SandboxID("sesn_1"))),
            settings: SandboxSettings(), secrets: feed,
            start: StartReport(), logger: logger)
        let error = await #expect(throws: SandboxError.self) { () async throws in _ = try await holder.lease() }
        #expect(error?.code == .unavailable && error?.message.contains("vaults") == true)
        #expect(bench.provider.specs.isEmpty)
        feed.isKnown.open()
        _ = try await holder.lease()
        #expect(bench.provider.specs.count == 1)
    }

    @Test func `without vaults nothing is asked`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "echo")]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the call is answered") { bench.posts().count == 1 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        #expect(bench.provider.settings.allSatisfy { $0 == SandboxSettings() })
        #expect(!bench.server.requests.contains { $0.path.hasSuffix("/secrets") })
    }

    @Test(arguments: [
        #"{}"#, #"{"revision":"1"}"#, #"{"revision":"1","secrets":[{}]}"#,
        #"{"revision":"1","secrets":[{"variable":"A","placeholder":"short","value":"v","credential_id":"c"}]}"#,
    ])
    func `an answer is read as a whole or not at all`(text: String) throws {
        #expect(SecretAnswer(try JSON(parsing: Array(text.utf8))) == nil)
    }

    @Test func `rules that nobody knows close a binding`() throws {
        let text =
            #"{"revision":"1","secrets":[{"variable":"A","placeholder":"\#(Self.placeholder)","value":"hidden-value","#
            + #""credential_id":"c","networking":{"type":"later"}}]}"#
        let answer = try #require(SecretAnswer(try JSON(parsing: Array(text.utf8))))
        let binding = try #require(answer.bindings.first)
        #expect(binding.hosts == .only([]) && !binding.appliesToHeaders && !binding.appliesToBody)
        var dumped = "\(binding) \(String(reflecting: binding))"
        dump(binding, to: &dumped)
        #expect(!dumped.contains("hidden-value"))
    }
}
