internal import CLinux

/// A pattern over relative paths: `**` for any directories, `*`, `?` and `[…]` within a name, `{a,b}` for alternatives.
struct GlobPattern {
    private static let maximumAlternatives = 64
    private let alternatives: [[String]]

    /// - Throws: ``ToolError`` for a pattern that leaves its start or has too many alternatives.
    init(_ text: String) throws(ToolError) {
        guard !text.isEmpty, text.utf8.count <= 4096, !text.utf8.contains(0) else {
            throw ToolError(.invalid, "the pattern is empty or too long")
        }
        guard !text.hasPrefix("/") else {
            throw ToolError(.invalid, "the pattern must be relative; give the start of an absolute one as path")
        }
        alternatives = try Self.expand(text).map { $0.split(separator: "/").filter { $0 != "." }.map(String.init) }
        guard !alternatives.contains(where: { $0.contains("..") || $0.isEmpty }) else {
            throw ToolError(.invalid, "the pattern must not contain ..")
        }
    }

    func matches(_ components: [String]) -> Bool {
        alternatives.contains { Self.matches($0[...], components[...]) }
    }

    private static func matches(_ pattern: ArraySlice<String>, _ path: ArraySlice<String>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        if first == "**" {
            let rest = pattern.dropFirst()
            if rest.isEmpty { return true }
            return (path.startIndex...path.endIndex).contains { matches(rest, path[$0...]) }
        }
        guard let name = path.first, clinux_name_matches(first, name) != 0 else { return false }
        return matches(pattern.dropFirst(), path.dropFirst())
    }

    /// Replaces the first pair of braces by each of its alternatives, again and again.
    private static func expand(_ text: String) throws(ToolError) -> [String] {
        var done: [String] = []
        var pending = [text]
        while let next = pending.popLast() {
            guard let (before, inside, after) = firstBraces(in: next) else {
                done.append(next)
                continue
            }
            pending += inside.map { before + $0 + after }
            guard pending.count + done.count <= maximumAlternatives else {
                throw ToolError(.invalid, "the pattern has more than \(maximumAlternatives) alternatives")
            }
        }
        return done
    }

    private static func firstBraces(in text: String) -> (String, [String], String)? {
        guard let open = text.firstIndex(of: "{") else { return nil }
        var depth = 0
        var items: [String] = [""]
        var index = text.index(after: open)
        while index < text.endIndex {
            let character = text[index]
            switch character {
            case "}" where depth == 0:
                guard items.count > 1 else { return nil }
                return (String(text[..<open]), items, String(text[text.index(after: index)...]))
            case "," where depth == 0: items.append("")
            default:
                if character == "{" { depth += 1 }
                if character == "}" { depth -= 1 }
                items[items.count - 1].append(character)
            }
            index = text.index(after: index)
        }
        return nil
    }
}
