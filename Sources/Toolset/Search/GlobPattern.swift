/// A pattern over relative paths: `**` for any directories, `*`, `?` and `[…]` within a name, `{a,b}` for alternatives.
struct GlobPattern {
    private enum Part {
        case anyDepth
        case name(NamePattern)
    }

    private static let maximumAlternatives = 64
    private static let maximumLength = 4096
    private let alternatives: [[Part]]

    /// - Throws: ``ToolError`` for a pattern that leaves its start or has too many alternatives.
    init(_ text: String) throws(ToolError) {
        guard !text.isEmpty, text.utf8.count <= Self.maximumLength, !text.utf8.contains(0) else {
            throw ToolError(.invalid, "the pattern is empty, too long, or has a NUL byte in it")
        }
        let paths = try Self.expand(text).map { path in
            (isAbsolute: path.hasPrefix("/"), parts: path.split(separator: "/").filter { $0 != "." })
        }
        guard !paths.contains(where: \.isAbsolute) else {
            throw ToolError(.invalid, "the pattern must be relative; give the start of an absolute one as path")
        }
        guard !paths.contains(where: { $0.parts.contains("..") }) else {
            throw ToolError(.invalid, "the pattern must not contain ..; give where to start as path")
        }
        guard !paths.contains(where: { $0.parts.isEmpty }) else {
            throw ToolError(.invalid, "the pattern names no file")
        }
        alternatives = paths.map { path in
            path.parts.map { $0 == "**" ? .anyDepth : .name(NamePattern(String($0))) }
        }
    }

    func matches(_ components: [String]) -> Bool {
        alternatives.contains { Self.matches($0, components) }
    }

    /// Goes through the path once with the set of all places in the pattern that it can have led to, so that many `**` cost
    /// no more than their number.
    private static func matches(_ parts: [Part], _ components: [String]) -> Bool {
        var places = [Bool](repeating: false, count: parts.count + 1)
        places[0] = true
        for component in components {
            var next = [Bool](repeating: false, count: parts.count + 1)
            passDepths(parts, &places)
            for (index, part) in parts.enumerated() where places[index] {
                switch part {
                case .anyDepth: next[index] = true
                case .name(let pattern): if pattern.matches(component) { next[index + 1] = true }
                }
            }
            places = next
        }
        passDepths(parts, &places)
        return places[parts.count]
    }

    /// Any depth may also be none.
    private static func passDepths(_ parts: [Part], _ places: inout [Bool]) {
        for (index, part) in parts.enumerated() where places[index] {
            if case .anyDepth = part { places[index + 1] = true }
        }
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
        let scalars = Array(text.unicodeScalars)
        guard let open = scalars.indices.first(where: { scalars[$0] == "{" && !isEscaped($0, scalars) }) else {
            return nil
        }
        var depth = 0
        var items: [[Unicode.Scalar]] = [[]]
        for index in (open + 1)..<scalars.count {
            let isEscaped = isEscaped(index, scalars)
            switch scalars[index] {
            case "}" where depth == 0 && !isEscaped:
                guard items.count > 1 else { return nil }
                return (string(scalars[..<open]), items.map { string($0[...]) }, string(scalars[(index + 1)...]))
            case "," where depth == 0 && !isEscaped: items.append([])
            default:
                if scalars[index] == "{", !isEscaped { depth += 1 }
                if scalars[index] == "}", !isEscaped { depth -= 1 }
                items[items.count - 1].append(scalars[index])
            }
        }
        return nil
    }

    private static func isEscaped(_ index: Int, _ scalars: [Unicode.Scalar]) -> Bool {
        scalars[..<index].reversed().prefix { $0 == "\\" }.count % 2 == 1
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        String(String.UnicodeScalarView(scalars))
    }
}
