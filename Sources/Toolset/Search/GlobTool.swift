package import ExecdProtocol
internal import Glibc

/// The `glob` tool: absolute paths of matching files, the newest first.
package struct GlobTool {
    static let maximumResults = 200

    private let gate: PathGate

    package init(gate: PathGate) { self.gate = gate }

    package func run(pattern: String, path: String?, cancel: CancelToken) throws(ToolError) -> CallResult {
        let start = try gate.resolve(path ?? ".")
        let pattern = try GlobPattern(pattern)
        var found: [(path: String, time: Int, fraction: Int)] = []
        let isComplete = try FileWalker(gate: gate, cancel: cancel).walk(start) { (entry) throws(ToolError) in
            if pattern.matches(entry.components) {
                let time = entry.status.st_mtim
                found.append((([start.path] + entry.components).joined(separator: "/"), time.tv_sec, time.tv_nsec))
            }
            return true
        }
        found.sort { ($1.time, $1.fraction, $0.path) < ($0.time, $0.fraction, $1.path) }
        var lines = found.prefix(Self.maximumResults).map(\.path)
        if found.count > lines.count { lines.append("(\(found.count - lines.count) more; use a narrower pattern)") }
        if !isComplete { lines.append("(not all files were looked at: there are too many; give a path further down)") }
        return .success(lines.isEmpty ? "no matches" : lines.joined(separator: "\n"))
    }
}
