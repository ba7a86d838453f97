import Archive
import AsyncHTTPClient
import Logging
import Sandbox
import Synchronization
import Testing
import Wire

@testable import Worker

@Suite(.timeLimit(.minutes(2))) struct RetentionTests {
    private let day = 86_400
    private let now = 2_000_000_000

    private func expired(_ rule: RetentionPolicy.Rule, _ kept: [(String, Int)]) -> [String] {
        rule.expired(among: kept.map { (name: $0.0, createdAt: now - $0.1 * day) }, now: now).sorted()
    }

    @Test func `the newest of each environment stay, and the young`() {
        let kept = [("env_1-a", 1), ("env_1-b-c", 5), ("env_1-d", 9), ("env_2-a", 30), ("env_2-b", 40)]
        #expect(expired(.init(), kept).isEmpty)
        #expect(expired(.init(newest: 1), kept) == ["env_1-b-c", "env_1-d", "env_2-b"])
        #expect(expired(.init(days: 5), kept) == ["env_1-d", "env_2-a", "env_2-b"])
        #expect(expired(.init(newest: 2, days: 35), kept) == ["env_1-d", "env_2-b"])
        #expect(expired(.init(newest: 5, days: 50), kept).isEmpty)
    }

    @Test func `only what a server says is over is over`() throws {
        let answer: JSON = [
            "data": [
                ["id": "sesn_living", "state": "living", "ended_at": .null],
                ["id": "sesn_deleted", "state": "deleted", "ended_at": "2026-01-01T00:00:00Z"],
                ["id": "sesn_young", "state": "archived", "ended_at": "2026-01-09T00:00:00Z"],
                ["id": "sesn_old", "state": "archived", "ended_at": "2026-01-01T00:00:00Z"],
                ["id": "sesn_never", "state": "archived", "ended_at": .null],
                ["id": "sesn_other", "state": "gone"], ["id": "../x", "state": "deleted"], "nonsense",
            ]
        ]
        let now = try #require(Timestamp("2026-01-10T00:00:00Z"))
        let over = SessionEnds(answer).over(after: 7, now: now).map(\.rawValue).sorted()
        #expect(over == ["sesn_deleted", "sesn_old"])
        for nothing in [JSON.null, [:], ["data": .null], ["data": [.null]]] {
            #expect(SessionEnds(nothing).states.isEmpty)
        }
    }

    /// Files in memory.
    private final class Files: SessionFiles {
        let touched = Mutex<Set<String>>([])
        let left = Mutex<Set<String>>(["sesn_a", "sesn_b", "sesn_live"])
        func sessions() async -> Set<SandboxID> { Set(left.withLock { $0 }.compactMap { SandboxID($0) }) }
        func touch(_ session: SandboxID) async { _ = touched.withLock { $0.insert(session.rawValue) } }
        func remove(_ session: SandboxID) async { _ = left.withLock { $0.remove(session.rawValue) } }
    }

    private func sweeper(_ bench: WorkerBench, _ files: Files, url: String) throws -> RetentionSweeper {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return RetentionSweeper(
            policy: RetentionPolicy(), provider: bench.provider, archive: nil, files: files,
            folder: SessionFolder(root: bench.stateDirectory, queue: BlockingQueue(label: "test")),
            queue: QueueClient(
                api: APIClient(baseURL: url, http: .shared), environment: "env_1",
                key: try #require(Credential("key")), workerID: "w", blockMilliseconds: 1),
            clock: SystemWallClock(), logger: logger)
    }

    @Test func `a server that is away or of another kind has said nothing`() async throws {
        let bench = try WorkerBench()
        defer { bench.server.close() }
        let live = try #require(SandboxID("sesn_live"))
        let away = Files()
        // Nobody listens on the discard port.
        let sweeper = try sweeper(bench, away, url: "http://127.0.0.1:9")
        await sweeper.sweep(removingFilesOf: await sweeper.endedSessions(sparing: [live]))
        #expect(away.left.withLock { $0.count } == 3)
        #expect(away.touched.withLock { $0 } == ["sesn_a", "sesn_b"])

        // It does not have the path: as before, an engine forgets what nobody used for a month.
        let other = Files()
        let hosted = try self.sweeper(bench, other, url: bench.server.url)
        await hosted.sweep(removingFilesOf: await hosted.endedSessions(sparing: [live]))
        #expect(other.left.withLock { $0.count } == 3)
        #expect(other.touched.withLock { $0.isEmpty })
    }
}
