internal import CLinux
package import ExecdProtocol
internal import Glibc

/// The `grep` tool: `path:line:text` of every line that matches.
package struct GrepTool {
    static let outputLimit = 100 << 10
    static let fileLimit = 8 << 20
    static let lineLimit = 2000
    static let timeLimitMilliseconds = 30_000
    /// Bytes between two looks at the clock and the cancel token.
    private static let stepLength = 4096

    /// What one search has found so far.
    private struct Progress {
        var output: [UInt8] = []
        var largeFiles = 0
        var isOutOfTime = false
        var isFull: Bool { output.count >= GrepTool.outputLimit }
    }

    private let gate: PathGate

    package init(gate: PathGate) { self.gate = gate }

    package func run(pattern: String, path: String?, cancel: CancelToken) throws(ToolError) -> CallResult {
        let expression = try SearchExpression(pattern)
        let name = path ?? gate.workDirectory
        let start = try gate.resolve(name)
        let deadline = Clock.milliseconds() + Self.timeLimitMilliseconds
        var progress = Progress()
        func search(_ file: Descriptor, _ path: String) throws(ToolError) {
            try Self.search(file, path, expression, cancel: cancel, deadline: deadline, &progress)
        }
        var isComplete = true
        if try isDirectory(start) {
            var walker = FileWalker(gate: gate, cancel: cancel, deadlineMilliseconds: deadline)
            walker.skipping.formUnion([".git", "node_modules"])
            let prefix = start.path == "/" ? "" : start.path
            isComplete = try walker.walk(start) { (entry) throws(ToolError) in
                let raw = openat(entry.directory.raw, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                guard raw >= 0 else { return true }
                let file = Descriptor(raw)
                // It may have been replaced since the walker looked.
                guard let status = try? file.status(), status.st_mode & S_IFMT == S_IFREG else { return true }
                try search(file, prefix + "/" + entry.components.joined(separator: "/"))
                return !progress.isFull && !progress.isOutOfTime
            }
        } else {
            try search(try TextFile(gate: gate).open(start, named: name).file, start.path)
        }
        return .success(Self.text(progress, isComplete: isComplete))
    }

    private func isDirectory(_ place: PathGate.Place) throws(ToolError) -> Bool {
        do {
            return try gate.open(place, flags: clinux_o_path).status().st_mode & S_IFMT == S_IFDIR
        } catch {
            throw ToolError(error, path: place.path)
        }
    }

    private static func text(_ progress: Progress, isComplete: Bool) -> String {
        var lines: [String] = []
        if !progress.output.isEmpty { lines.append(String(decoding: progress.output.dropLast(), as: UTF8.self)) }
        if progress.isFull { lines.append("(more matches may have been left out; use a narrower pattern)") }
        if progress.largeFiles > 0 {
            let files = progress.largeFiles == 1 ? "1 file was" : "\(progress.largeFiles) files were"
            lines.append("(\(files) searched only in the first \(fileLimit >> 20) MiB; use bash for the rest)")
        }
        if progress.isOutOfTime {
            lines.append("(stopped after \(timeLimitMilliseconds / 1000) seconds; give a path further down)")
        } else if !isComplete {
            lines.append("(not all files were looked at: there are too many; give a path further down)")
        }
        return lines.isEmpty ? "no matches" : lines.joined(separator: "\n")
    }

    private static func search(
        _ file: Descriptor, _ path: String, _ expression: SearchExpression, cancel: CancelToken, deadline: Int,
        _ progress: inout Progress
    ) throws(ToolError) {
        guard let bytes = try? file.readAll(limit: fileLimit), !bytes.prefix(512).contains(0) else { return }
        if bytes.count > fileLimit { progress.largeFiles += 1 }
        let prefix = Array((path + ":").utf8)
        var number = 0
        var start = 0
        var checked = 0
        while start < bytes.count, !progress.isFull {
            let (end, isMatch) = bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
                let length = lineLength(rest)
                let line = UnsafeRawBufferPointer(rebasing: rest[..<length])
                return (start + length, length <= lineLimit && expression.matches(line))
            }
            number += 1
            if isMatch {
                progress.output += prefix
                progress.output += Array("\(number):".utf8)
                progress.output += bytes[start..<end]
                progress.output.append(0x0A)
            }
            start = end + 1
            if start - checked >= stepLength {
                checked = start
                guard !cancel.isCancelled else { throw ToolError(.cancelled, "interrupted") }
                if Clock.milliseconds() >= deadline { progress.isOutOfTime = true }
                if progress.isOutOfTime { return }
            }
        }
    }

    private static func lineLength(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress, let found = memchr(base, 0x0A, bytes.count) else { return bytes.count }
        return UnsafeRawPointer(found) - base
    }
}
