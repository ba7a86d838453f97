import Logging
import Sandbox
import Synchronization
import Testing

@testable import Engines

@Suite struct AutoEngineTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func `the strongest engine that works is taken and its report says so`() async throws {
        let weak = PaperEngine("weak", .sharedKernel)
        let strong = PaperEngine("strong", .ownKernel)
        let broken = PaperEngine("broken", .userSpaceKernel, isUsable: false)
        let auto = AutoEngine(candidates: [weak, broken, strong], logger: quiet)
        #expect(await auto.probe().engine == "strong")
        #expect(auto.name == "strong" && auto.capabilities.isolation == .ownKernel)
        #expect(weak.probes == 0, "what is weaker is not tried")
        #expect(await auto.probe().engine == "strong")
        #expect(strong.probes == 1, "the choice holds")
    }

    @Test func `an engine that does not work is passed over and named`() async throws {
        let auto = AutoEngine(
            candidates: [
                PaperEngine("first", .sharedKernel), PaperEngine("second", .sharedKernel),
                PaperEngine("best", .ownKernel, isUsable: false),
            ], logger: quiet)
        let report = await auto.probe()
        #expect(report.isUsable && report.engine == "first")
        #expect(report.problems == [.init(summary: "best: it is off", remedy: "turn it on", isFatal: false)])
    }

    @Test func `nothing is provisioned when nothing works, and everything is swept`() async throws {
        let engines = [PaperEngine("a", .sharedKernel, isUsable: false), PaperEngine("b", .ownKernel, isUsable: false)]
        let auto = AutoEngine(candidates: engines, logger: quiet)
        let report = await auto.probe()
        #expect(!report.isUsable && report.problems.count == 2 && report.problems.allSatisfy(\.isFatal))
        let id = try #require(SandboxID("s"))
        let error = await #expect(throws: SandboxError.self) { _ = try await auto.provision(SandboxSpec(id: id)) }
        #expect(error?.code == .unavailable)
        await auto.sweep(keeping: [id])
        #expect(engines.map(\.swept) == [[[]], [[]]])
    }

    @Test func `the engine of an earlier life is swept wholly`() async throws {
        let (old, new) = (PaperEngine("old", .sharedKernel), PaperEngine("new", .ownKernel))
        let auto = AutoEngine(candidates: [old, new], logger: quiet)
        _ = await auto.probe()
        let id = try #require(SandboxID("s"))
        await auto.sweep(keeping: [id])
        #expect(old.swept == [[]] && new.swept == [[id]])
    }
}

/// An engine that exists on paper: it says what it can and notes what is asked.
final class PaperEngine: SandboxProvider {
    let name: String
    let capabilities: EngineCapabilities
    private let isUsable: Bool
    private let notes = Mutex((probes: 0, swept: [Set<SandboxID>]()))

    init(_ name: String, _ isolation: EngineCapabilities.Isolation, isUsable: Bool = true) {
        self.name = name
        self.isUsable = isUsable
        capabilities = EngineCapabilities(isolation: isolation)
    }

    var probes: Int { notes.withLock { $0.probes } }
    var swept: [Set<SandboxID>] { notes.withLock { $0.swept } }

    func probe() async -> EngineReport {
        notes.withLock { $0.probes += 1 }
        return EngineReport(
            engine: name, boundary: "paper", isUsable: isUsable,
            problems: isUsable ? [] : [.init(summary: "it is off", remedy: "turn it on", isFatal: true)])
    }

    func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        throw SandboxError(.unavailable, "paper holds nothing")
    }

    func sweep(keeping live: Set<SandboxID>) async { notes.withLock { $0.swept.append(live) } }
    func shutdown() async {}
}
