package import ExecdProtocol
internal import Glibc

/// The `glob` tool: absolute paths of matching files, the newest first.
package struct GlobTool {
    static let maximumResults = 200
    static let maximumMatches = 50_000
    static let timeLimitMilliseconds = 30_000

    private struct Found {
        var path: String
        var time: timespec

        static func isNewer(_ first: Found, _ second: Found) -> Bool {
            // Equal times leave the order to the paths.
            (second.time.tv_sec, second.time.tv_nsec, first.path) < (first.time.tv_sec, first.time.tv_nsec, second.path)
        }
    }

    private let gate: PathGate

    package init(gate: PathGate) { self.gate = gate }

    package func run(pattern: String, path: String?, cancel: CancelToken) throws(ToolError) -> CallResult {
        let pattern = try GlobPattern(pattern)
        let start = try gate.resolve(path ?? gate.workDirectory)
        var found: [Found] = []
        let prefix = start.path == "/" ? "" : start.path
        let walker = FileWalker(
            gate: gate, cancel: cancel, deadlineMilliseconds: Clock.milliseconds() + Self.timeLimitMilliseconds)
        var isComplete = try walker.walk(start) { (entry) throws(ToolError) in
            guard pattern.matches(entry.components) else { return true }
            found.append(
                Found(path: prefix + "/" + entry.components.joined(separator: "/"), time: entry.status.st_mtim))
            return found.count < Self.maximumMatches
        }
        if found.count >= Self.maximumMatches { isComplete = false }
        found.sort(by: Found.isNewer)
        var lines = found.prefix(Self.maximumResults).map(\.path)
        if found.count > lines.count { lines.append("(\(found.count - lines.count) more; use a narrower pattern)") }
        if !isComplete { lines.append("(not all files were looked at: there are too many; give a path further down)") }
        return .success(lines.isEmpty ? "no matches" : lines.joined(separator: "\n"))
    }
}
