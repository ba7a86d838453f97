import Logging
import Sandbox
import Synchronization
import Testing
import Wire

@testable import Worker

@Suite(.timeLimit(.minutes(2))) struct PackageTests {
    private static func list(_ packages: JSON) throws -> PackageList {
        try #require(try PackageList(environment: ["type": "cloud", "packages": packages]))
    }

    @Test func `a list has its managers in their order, and nothing that would be an option`() throws {
        let list = try Self.list(["type": "packages", "pip": ["a==1", "b[x]>=2"], "apt": ["c"], "npm": []])
        #expect(list.parts == [.init(manager: .apt, names: ["c"]), .init(manager: .pip, names: ["a==1", "b[x]>=2"])])
        #expect(try PackageList(environment: ["packages": ["pip": []]]) == nil)
        #expect(try PackageList(environment: nil) == nil)
        for name in ["--index-url=http://x", "-e", "", "a\nb", "a\u{7F}"] {
            let error = #expect(throws: SandboxError.self) { try Self.list(["pip": [.string(name)]]) }
            #expect(error?.code == .notInstalled)
        }
    }

    @Test func `a layer is another one for another list, environment, system, engine or disk`() throws {
        let environment = try #require(RemoteID("env_1"))
        let other = try #require(RemoteID("env_2"))
        let list = try Self.list(["pip": ["a", "b"]])
        let layers = [
            list.layer(engine: "e", system: "s", environment: environment, bytes: 1),
            list.layer(engine: "f", system: "s", environment: environment, bytes: 1),
            list.layer(engine: "e", system: "t", environment: environment, bytes: 1),
            list.layer(engine: "e", system: "s", environment: other, bytes: 1),
            list.layer(engine: "e", system: "s", environment: environment, bytes: 2),
            try Self.list(["pip": ["a"]]).layer(engine: "e", system: "s", environment: environment, bytes: 1),
            try Self.list(["npm": ["a", "b"]]).layer(engine: "e", system: "s", environment: environment, bytes: 1),
        ]
        #expect(Set(layers.compactMap { $0 }).count == layers.count)
        let again = try Self.list(["pip": ["a", "b"]])
        #expect(again.layer(engine: "e", system: "s", environment: environment, bytes: 1) == layers[0])
    }

    @Test func `mirrors are addresses, and open their hosts and ports only`() throws {
        let mirrors = try PackageMirrors([
            .pip: "https://pypi.example.com/simple/", .npm: "http://10.0.0.1:8081/npm", .go: "http://[fd00::1]/go",
            .apt: "deb [trusted=yes] http://a.example.com:3142/debian bookworm main; deb https://b.example.com/x ./",
        ])
        #expect(
            mirrors.rules == [
                "a.example.com:3142", "b.example.com:443", "[fd00::1]:80", "10.0.0.1:8081", "pypi.example.com:443",
            ])
        for text in [
            "pypi.example.com", "ftp://x/", "http://", "https://me:key@x/", "https://x/'", "https://x/ y",
            "https://x/\n",
        ] {
            let error = #expect(throws: WorkerError.self) { _ = try PackageMirrors([.pip: text]) }
            #expect(error?.code == .configuration && error?.message.contains("pip") == true, "\(text)")
        }
    }

    @Test func `names reach a manager as one word each, with the mirror`() throws {
        let mirrors = try PackageMirrors([
            .pip: "http://10.0.0.1:8081/simple", .cargo: "https://crates.example.com/index/",
        ])
        let script = PackageScript(mirrors: mirrors)
        let pip = script.install(.init(manager: .pip, names: ["a b", "$(touch x)", "it's"]))
        #expect(pip.contains(#"-- 'a b' '$(touch x)' 'it'\''s'"#))
        #expect(pip.contains("--index-url 'http://10.0.0.1:8081/simple' --trusted-host '10.0.0.1:8081'"))
        let cargo = script.install(.init(manager: .cargo, names: ["ripgrep@14.1.0"]))
        #expect(cargo.contains("sparse+https://crates.example.com/index/") && cargo.contains("--root /usr/local"))
        let npm = script.install(.init(manager: .npm, names: ["@scope/a@1"]))
        #expect(npm.contains("-- '@scope/a@1'") && !npm.contains("--registry"))
        for manager in PackageManager.allCases {
            let text = PackageScript(mirrors: PackageMirrors()).install(.init(manager: manager, names: ["x"]))
            #expect(text.contains("has no ") && text.contains("'x'"), "\(manager)")
        }
        let words = PackageScript.excerpt((1...500).map { "line \($0)" }.joined(separator: "\n\n"))
        #expect(words.hasPrefix("line 489\n") && words.hasSuffix("line 500"))
        #expect(PackageScript.excerpt(String(repeating: "x", count: 100_000)).count == 1500)
    }

    // MARK: - Who installs

    private struct Bench: Sendable {
        let provider = FakeProvider()
        let sandbox: SandboxID
        let request: PackageLayers.Request

        init() throws {
            sandbox = try #require(SandboxID("sesn_1"))
            request = PackageLayers.Request(
                list: try PackageTests.list(["pip": ["a"]]), environment: try #require(RemoteID("env_1")),
                session: try #require(RemoteID("sesn_1")), limits: ResourceLimits())
            provider.script { $0.system = "s" }
        }

        func layers(
            now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }, time: Int = 0,
            _ build: @escaping @Sendable (SnapshotID) async throws(SandboxError) -> Void
        ) -> PackageLayers {
            PackageLayers(
                provider: provider, now: now, time: { time },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ) { (_, name) async throws(SandboxError) in try await build(name) }
        }
    }

    @Test func `many who ask at once get one installation`() async throws {
        let bench = try Bench()
        let builds = Mutex(0)
        let door = Latch()
        let layers = bench.layers { [provider = bench.provider] name in
            builds.withLock { $0 += 1 }
            await door.wait()
            provider.script { $0.snapshots.append(name) }
        }
        let names = try await withThrowingTaskGroup(of: SnapshotID?.self) { group in
            for _ in 0..<8 { group.addTask { try await layers.layer(bench.request, for: bench.sandbox) } }
            while builds.withLock({ $0 }) == 0 { await Task.yield() }
            door.open()
            var names: [SnapshotID?] = []
            for try await name in group { names.append(name) }
            return names
        }
        #expect(builds.withLock { $0 } == 1 && names.count == 8 && Set(names).count == 1 && names[0] != nil)
        // A sandbox that has files keeps what it has.
        bench.provider.script { $0.kept = [bench.sandbox] }
        #expect(try await layers.layer(bench.request, for: bench.sandbox) == nil)
    }

    @Test func `a failure is told to all until it is tried again, later each time`() async throws {
        let bench = try Bench()
        let builds = Mutex(0)
        let time = Mutex(ContinuousClock.now)
        let layers = bench.layers(now: { time.withLock { $0 } }) { _ throws(SandboxError) in
            let number = builds.withLock { builds in
                builds += 1
                return builds
            }
            throw SandboxError(.notInstalled, "failure \(number)")
        }
        for (seconds, expected) in [(0, 1), (14, 1), (2, 2), (15, 2), (16, 3), (10_000, 4)] {
            time.withLock { $0 += .seconds(seconds) }
            let error = await #expect(throws: SandboxError.self) {
                _ = try await layers.layer(bench.request, for: bench.sandbox)
            }
            #expect(error?.message == "failure \(expected)" && error?.code == .notInstalled)
        }
    }

    @Test func `when the one who installs is stopped, the next one does`() async throws {
        let bench = try Bench()
        let builds = Mutex(0)
        let layers = bench.layers { [provider = bench.provider] name throws(SandboxError) in
            let number = builds.withLock { builds in
                builds += 1
                return builds
            }
            if number == 1 {
                await Latch().wait()
                throw SandboxError(.unavailable, "stopped")
            }
            provider.script { $0.snapshots.append(name) }
        }
        let first = Task { try await layers.layer(bench.request, for: bench.sandbox) }
        while builds.withLock({ $0 }) == 0 { await Task.yield() }
        let second = Task { try await layers.layer(bench.request, for: bench.sandbox) }
        first.cancel()
        #expect(try await second.value != nil)
        await #expect(throws: SandboxError.self) { _ = try await first.value }
    }

    @Test(arguments: [(seconds: 3000, isKept: true), (seconds: 4000, isKept: false)])
    func `what came before goes once nobody has used it for an hour`(seconds: Int, isKept: Bool) async throws {
        let bench = try Bench()
        let layers = bench.layers(time: seconds) { [provider = bench.provider] name in
            provider.script { $0.snapshots.append(name) }
        }
        let former = try #require(SnapshotID(PackageList.prefix(bench.request.environment) + "former"))
        let others = ["packages-0123456789ab-other", "env_1-named"].compactMap { SnapshotID($0) }
        bench.provider.script { $0.snapshots = [former] + others }
        let name = try #require(try await layers.layer(bench.request, for: bench.sandbox))
        #expect(await bench.provider.snapshots().map(\.id) == (isKept ? [former] : []) + others + [name])
    }

    @Test func `an engine that installs nothing is named`() async throws {
        let bench = try Bench()
        bench.provider.script { $0.system = nil }
        let layers = bench.layers { _ in Issue.record("nothing can be built") }
        let error = await #expect(throws: SandboxError.self) {
            _ = try await layers.layer(bench.request, for: bench.sandbox)
        }
        #expect(error?.code == .unsupported && error?.message.contains("(pip), and the fake engine") == true)
    }

    // MARK: - In a worker

    private static func item(_ packages: String, sandbox: String = "{}") -> String {
        WorkerBench.item(
            secret: #"{"sessions_token":"\#(WorkerBench.token)","sandbox":\#(sandbox),"environment":{"type":"cloud","#
                + #""networking":{"type":"limited","allow_package_managers":true,"allowed_hosts":["a.example.com"]},"#
                + #""packages":\#(packages)}}"#)
    }

    @Test func `a session starts from the packages that a sandbox of their own was made for`() async throws {
        var bench = try WorkerBench()
        bench.allowedHosts = ["deny evil.example.com", "*"]
        bench.provider.script { $0.system = "s" }
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "echo")]
            state.items = [Self.item(#"{"pip":["a"],"apt":["b"]}"#, sandbox: #"{"perimeter.system":"writable"}"#)]
        }
        try await bench.serve { [bench] in
            try await bench.until("the call is answered") { bench.posts().count == 1 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        let (builder, session) = (try #require(bench.provider.specs.first), try #require(bench.provider.specs.last))
        #expect(bench.provider.specs.count == 2)
        #expect(builder.system == .writable && builder.source == .engineDefault)
        guard case .allow(let hosts) = builder.network else { return #expect(builder.network != .none) }
        #expect(hosts.contains("deny evil.example.com") && hosts.contains("pypi.org"))
        #expect(!hosts.contains("*") && !hosts.contains("a.example.com"))
        let name = try #require(await bench.provider.snapshots().first?.id)
        #expect(session.source == .snapshot(name) && session.system == .writable && session.id.rawValue == "sesn_1")
        #expect(bench.provider.forgotten == [builder.id])
        let order = bench.provider.log.filter { $0.hasPrefix("run packages") || $0.hasPrefix("snapshot") }
        #expect(
            order == [
                "run packages-prepare", "run packages-apt", "run packages-pip", "run packages-finish",
                "snapshot \(builder.id) \(name)",
            ])
    }

    @Test func `packages that cannot be installed are an error with the last words, for every call`() async throws {
        let bench = try WorkerBench()
        bench.provider.script { $0.system = "s" }
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "echo")]
            state.items = [Self.item(#"{"pip":["missing-package"]}"#)]
        }
        try await bench.serve { [bench] in
            try await bench.until("the call is answered") { bench.posts().count == 1 }
            bench.server.emit(WorkerBench.bash("sevt_2", "echo"))
            try await bench.until("the second call is answered") { bench.posts().count == 2 }
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        for post in bench.posts() {
            let body = post.body
            #expect(body.contains("pip did not install missing-package"), "\(body)")
            #expect(body.contains("there is no missing-package") && !body.contains("line 20"))
        }
        let builder = try #require(bench.provider.specs.first?.id)
        #expect(bench.provider.specs.count == 1 && bench.provider.forgotten == [builder])
        #expect(bench.provider.log.contains("destroy \(builder)"))
    }
}
