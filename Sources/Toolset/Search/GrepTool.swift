package import ExecdProtocol
internal import Glibc

/// The `grep` tool: `path:line:text` of every line that matches.
package struct GrepTool {
    static let outputLimit = 100 << 10
    static let fileLimit = 8 << 20
    static let lineLimit = 2000
    static let timeLimit = 30

    private let gate: PathGate

    package init(gate: PathGate) { self.gate = gate }

    package func run(pattern: String, path: String?, cancel: CancelToken) throws(ToolError) -> CallResult {
        let start = try gate.resolve(path ?? ".")
        let expression = try SearchExpression(pattern)
        var output: [UInt8] = []
        var notes: [String] = []
        let deadline = time(nil) + Self.timeLimit
        func search(_ file: Descriptor, _ path: String) -> Bool {
            Self.search(file, path, expression, &output)
            return output.count < Self.outputLimit && time(nil) < deadline
        }
        if let single = try? TextFile(gate: gate).open(start, named: path ?? ".") {
            _ = search(single.file, start.path)
        } else {
            var walker = FileWalker(gate: gate, cancel: cancel)
            walker.skipping = [".git", "node_modules"]
            let isComplete = try walker.walk(start) { (entry) throws(ToolError) in
                guard entry.status.st_size <= Self.fileLimit else { return true }
                let raw = openat(entry.directory.raw, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                guard raw >= 0 else { return true }
                return search(Descriptor(raw), ([start.path] + entry.components).joined(separator: "/"))
            }
            if !isComplete {
                notes.append("(not all files were looked at: there are too many; give a path further down)")
            }
        }
        if output.count >= Self.outputLimit { notes.append("(more matches were left out; use a narrower pattern)") }
        if time(nil) >= deadline { notes.append("(stopped after \(Self.timeLimit) seconds; give a path further down)") }
        let lines = String(decoding: output, as: UTF8.self) + notes.joined(separator: "\n")
        return .success(lines.isEmpty ? "no matches" : lines.hasSuffix("\n") ? String(lines.dropLast()) : lines)
    }

    private static func search(
        _ file: Descriptor, _ path: String, _ expression: SearchExpression, _ output: inout [UInt8]
    ) {
        guard let bytes = try? file.readAll(limit: fileLimit), !bytes.prefix(512).contains(0) else { return }
        var number = 0
        var start = 0
        while start < bytes.count, output.count < outputLimit {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            number += 1
            if end - start <= lineLimit,
                bytes.withUnsafeBytes({ expression.matches(UnsafeRawBufferPointer(rebasing: $0[start..<end])) })
            {
                output += Array("\(path):\(number):".utf8) + bytes[start..<end] + [0x0A]
            }
            start = end + 1
        }
    }
}
