import Logging
import Sandbox
import Synchronization
import Testing
import Wire

@testable import Egress
@testable import Worker

@Suite(.timeLimit(.minutes(2))) struct EnvironmentFeedTests {
    private static func config(_ hosts: [String]) -> String {
        let list = hosts.map { "\"\($0)\"" }.joined(separator: ",")
        return #"{"type":"cloud","networking":{"type":"limited","allowed_hosts":[\#(list)]}}"#
    }

    private static func answer(_ revision: String, _ config: String, archived: Bool = false) -> String {
        #"{"type":"session_environment","revision":"\#(revision)","environment":\#(config),"sandbox":{},"archived":\#(archived)}"#
    }

    /// What the gate says to a request for a host: a refusal names it, an allowed one has no address.
    private static func isAllowed(_ host: String, by gate: any OutboundGate) async -> Bool {
        let connection = OneRequest("GET http://\(host)/ HTTP/1.1\r\n\r\n")
        await gate.serve(connection)
        return !connection.answer.hasPrefix("HTTP/1.1 403 ")
    }

    @Test func `rules of an environment count for its running sessions, until it is archived`() async throws {
        var bench = try WorkerBench()
        bench.allowedHosts = ["operator.invalid"]
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "echo")]
            state.environments = [.status(503), .body(Self.answer("1", Self.config(["first.invalid"])))]
            state.items = [
                WorkerBench.item(
                    secret: #"{"sessions_token":"\#(WorkerBench.token)","environment":\#(Self.config([]))}"#)
            ]
        }
        try await bench.serve { [bench] in
            try await bench.until("the call is answered") { bench.posts().count == 1 }
            let gate = try #require(bench.provider.specs.first?.gate)
            func untilAllowed(_ host: String, _ expected: Bool) async throws {
                let deadline = ContinuousClock.now + .seconds(60)
                while await Self.isAllowed(host, by: gate) != expected {
                    try #require(ContinuousClock.now < deadline, "\(host) \(expected)")
                }
            }
            try await untilAllowed("first.invalid", true)
            bench.server.script {
                $0.environments = [.status(401), .body(Self.answer("2", Self.config(["second.invalid"])))]
            }
            try await untilAllowed("second.invalid", true)
            #expect(await !Self.isAllowed("first.invalid", by: gate))
            #expect(await Self.isAllowed("operator.invalid", by: gate))
            bench.server.script {
                $0.environments = [.body(Self.answer("3", Self.config(["second.invalid"]), archived: true))]
            }
            try await untilAllowed("operator.invalid", false)
            #expect(await !Self.isAllowed("second.invalid", by: gate))
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        let asked = bench.server.requests.filter { $0.path.hasSuffix("/sandbox/environment") }
        #expect(asked.allSatisfy { $0.headers["authorization"] == "Bearer \(WorkerBench.token)" })
        #expect(bench.provider.specs.count == 1)
        #expect(bench.provider.settings.allSatisfy { $0.authorities.isEmpty })
    }

    @Test func `rules that need an authority bring its certificate into the running sandbox`() async throws {
        let folder = try TemporaryFolder()
        let egress = WorkerEgress(
            context: EgressContext(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }), folder: folder.path
        )
        let session = try #require(RemoteID("sesn_1"))
        let environment = try #require(RemoteID("env_1"))
        let way = try #require(
            await egress.open(
                .allow(hosts: ["a.invalid"]), for: session, in: environment, secrets: nil, denials: DenialTally()))
        #expect(way.certificate == nil)
        #expect(await way.update(.allow(hosts: ["b.invalid"])) == nil)
        let certificate = await way.update(.allow(hosts: ["https://b.invalid/open/*"]))
        #expect(certificate?.hasPrefix("-----BEGIN CERTIFICATE-----") == true && certificate == way.certificate)
        #expect(await way.update(.allow(hosts: ["https://b.invalid/other/*"])) == nil, "it is there already")
    }

    @Test(arguments: [
        "{}", #"{"revision":"1"}"#, #"{"revision":"1","environment":null,"archived":false}"#,
        #"{"revision":"1","environment":{"type":"cloud"}}"#,
        #"{"revision":"1","environment":{},"archived":false,"sandbox":{"perimeter.later":"1"}}"#,
    ])
    func `an answer is read as a whole or not at all`(text: String) throws {
        #expect(EnvironmentAnswer(try JSON(parsing: Array(text.utf8))) == nil)
    }

    @Test func `changes from two tasks both reach the sandbox`() async throws {
        let provider = FakeProvider()
        let holder = SandboxHolder(
            provider: provider, spec: SandboxSpec(id: try #require(SandboxID("sesn_1"))), settings: SandboxSettings(),
            start: StartReport(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        _ = try await holder.lease()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask { try await holder.configure { $0.variables["N\(number)"] = "1" } }
            }
            try await group.waitForAll()
        }
        #expect(provider.settings.last?.variables.count == 8)
        await holder.detach()
    }

    @Test func `refusals are lines of the log, so many a minute`() throws {
        let lines = Mutex<[String]>([])
        let logger = Logger(label: "test") { _ in LineHandler { line in lines.withLock { $0.append(line) } } }
        let start = ContinuousClock.now
        let log = DenialLog(
            logger: logger, environment: try #require(RemoteID("env_1")), session: try #require(RemoteID("sesn_1")),
            now: start)
        let record = EgressRecord(
            host: "a.invalid", port: 443, method: "CONNECT", path: "", outcome: .denied("no"), isInspected: false,
            bytesOut: 0, bytesIn: 0, duration: .zero)
        for _ in 0..<70 { log.add(record, "no", now: start) }
        #expect(lines.withLock { $0 }.count == 60)
        log.add(record, "no", now: start + .seconds(60))
        let last = lines.withLock { $0 }.last ?? ""
        #expect(last.contains("egress denied") && last.contains("host=a.invalid") && last.contains("session_id=sesn_1"))
        #expect(last.contains("lines_omitted_before=10"))
    }
}

/// A connection from inside with one request.
private final class OneRequest: OutboundConnection {
    private let state: Mutex<(request: [UInt8]?, answer: [UInt8])>

    init(_ text: String) { state = Mutex((Array(text.utf8), [])) }

    var answer: String { String(decoding: state.withLock { $0.answer }, as: UTF8.self) }

    func read() async throws(SandboxError) -> [UInt8]? {
        state.withLock { state in
            defer { state.request = nil }
            return state.request
        }
    }
    func write(_ bytes: [UInt8]) async throws(SandboxError) { state.withLock { $0.answer += bytes } }
    func finish() async {}
    func reset() async {}
}

/// Hands over each line with its facts.
private struct LineHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    let take: @Sendable (String) -> Void

    init(_ take: @escaping @Sendable (String) -> Void) { self.take = take }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = metadata.merging(event.metadata ?? [:]) { $1 }.map { "\($0)=\($1)" }.sorted()
        take("\(event.message) " + facts.joined(separator: " "))
    }
}
