internal import Synchronization
internal import Wire

/// How long the steps of sessions' starts took, as Prometheus histograms of this process's life.
final class StartStages: Sendable {
    /// The steps that workers know (`SandboxStage`).
    static let names = ["claim", "packages", "create", "execd_ready", "skills", "memory", "first_tool"]
    private static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

    private struct Histogram {
        var counts = [Int](repeating: 0, count: bounds.count + 1)
        var sum = 0.0
    }
    private struct State {
        var histograms: [String: Histogram] = [:]
        /// A start is reported more than once, with more steps each time; each step counts once.
        var counted: [SessionID: Set<String>] = [:]
    }
    private let state = Mutex(State())
    /// Beyond this many sessions the memory of what was counted begins anew.
    private static let maximumSessions = 10_000

    func observe(_ stages: [(name: String, seconds: Double)], of session: SessionID) {
        state.withLock { state in
            if state.counted.count >= Self.maximumSessions { state.counted = [:] }
            for (name, seconds) in stages where state.counted[session, default: []].insert(name).inserted {
                let place = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
                state.histograms[name, default: Histogram()].counts[place] += 1
                state.histograms[name]?.sum += seconds
            }
        }
    }

    /// The Prometheus text format.
    var text: String {
        let histograms = state.withLock { $0.histograms }
        let name = "perimeter_sandbox_start_seconds"
        var text = "# HELP \(name) Time taken by the steps of a session's start.\n# TYPE \(name) histogram\n"
        for (stage, histogram) in histograms.sorted(by: { $0.key < $1.key }) {
            var total = 0
            for (bound, count) in zip(Self.bounds.map { "\($0)" } + ["+Inf"], histogram.counts) {
                total += count
                text += "\(name)_bucket{stage=\"\(stage)\",le=\"\(bound)\"} \(total)\n"
            }
            text += "\(name)_sum{stage=\"\(stage)\"} \(histogram.sum)\n\(name)_count{stage=\"\(stage)\"} \(total)\n"
        }
        return text
    }
}
