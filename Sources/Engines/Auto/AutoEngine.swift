public import Logging
public import Sandbox
internal import Synchronization

/// Takes the engine with the strongest boundary that works on this host.
///
/// The choice is made by the first probe and holds for the life of the process. Sandboxes that another engine made in an
/// earlier life are still swept; their files stay with that engine.
public final class AutoEngine: SandboxProvider {
    private struct Choice: Sendable {
        var engine: any SandboxProvider
        var report: EngineReport
    }

    private let candidates: [any SandboxProvider]
    private let logger: Logger
    private let choice = Mutex<Choice?>(nil)

    /// - Parameter candidates: at least one; of two with the same isolation the earlier one is taken.
    public init(candidates: [any SandboxProvider], logger: Logger) {
        precondition(!candidates.isEmpty, "an engine is chosen among some")
        self.candidates = candidates
        self.logger = logger
    }

    private var chosen: any SandboxProvider { choice.withLock { $0?.engine } ?? candidates[0] }

    public var name: String { chosen.name }
    public var capabilities: EngineCapabilities { chosen.capabilities }

    /// Probes from the strongest boundary down to the first engine that works. Engines that do not are among the problems.
    public func probe() async -> EngineReport {
        if let known = choice.withLock({ $0 }) { return known.report }
        let order = candidates.enumerated().sorted { left, right in
            let (a, b) = (left.element.capabilities.isolation, right.element.capabilities.isolation)
            return a == b ? left.offset < right.offset : a > b
        }
        var problems: [EngineReport.Problem] = []
        for (_, candidate) in order {
            var report = await candidate.probe()
            guard report.isUsable else {
                problems += report.problems.filter(\.isFatal).map { problem in
                    .init(summary: "\(candidate.name): \(problem.summary)", remedy: problem.remedy, isFatal: false)
                }
                continue
            }
            report.problems += problems
            choice.withLock { $0 = Choice(engine: candidate, report: report) }
            logger.info("engine chosen", metadata: ["engine": "\(report.engine)", "boundary": "\(report.boundary)"])
            return report
        }
        return EngineReport(
            engine: "auto", boundary: "none", isUsable: false,
            problems: problems.map { .init(summary: $0.summary, remedy: $0.remedy, isFatal: true) })
    }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        let report = await probe()
        guard report.isUsable else {
            throw SandboxError(.unavailable, "no sandbox engine works on this host: run `perimeter doctor`")
        }
        return try await chosen.provision(spec)
    }

    public func sweep(keeping live: Set<SandboxID>) async {
        let chosen = choice.withLock { $0?.engine }
        for candidate in candidates {
            await candidate.sweep(keeping: candidate === chosen ? live : [])
        }
    }

    public func keepsFiles(of id: SandboxID) async -> Bool { await chosen.keepsFiles(of: id) }

    public func forget(_ id: SandboxID) async { await chosen.forget(id) }

    public func snapshots() async -> [Snapshot] { await chosen.snapshots() }

    public func removeSnapshot(_ name: SnapshotID) async throws(SandboxError) { try await chosen.removeSnapshot(name) }

    public func exportSnapshot(_ name: SnapshotID, to path: String) async throws(SandboxError) {
        try await chosen.exportSnapshot(name, to: path)
    }

    public func importSnapshot(_ name: SnapshotID, from path: String) async throws(SandboxError) {
        try await chosen.importSnapshot(name, from: path)
    }

    public func shutdown(keeping paused: Set<SandboxID>) async {
        let chosen = choice.withLock { $0?.engine }
        for candidate in candidates { await candidate.shutdown(keeping: candidate === chosen ? paused : []) }
    }

    public func shutdown() async { for candidate in candidates { await candidate.shutdown() } }
}
