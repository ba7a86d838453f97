/// Reads an expression in the common syntax of RE2, Rust and PCRE, as far as a search of single lines needs it.
struct ExpressionParser {
    /// Groups and repetitions inside each other.
    static let maximumDepth = 100
    static let maximumCount = 1000

    var rest: ArraySlice<Unicode.Scalar>
    var ignoresCase = false
    private var depth = 0

    /// - Throws: ``ToolError`` that says what is wrong with the expression.
    static func parse(_ text: String) throws(ToolError) -> ExpressionNode {
        var parser = ExpressionParser(rest: Array(text.unicodeScalars)[...])
        let node = try parser.choice()
        guard parser.rest.isEmpty else { throw Self.failure("a closing parenthesis without an opening one") }
        return node
    }

    private init(rest: ArraySlice<Unicode.Scalar>) {
        self.rest = rest
    }

    static func failure(_ reason: String) -> ToolError {
        ToolError(.invalid, "the pattern is no regular expression that this tool reads: \(reason)")
    }

    /// Takes the text if it comes next.
    mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.unicodeScalars) else { return false }
        rest.removeFirst(text.unicodeScalars.count)
        return true
    }

    func literal(_ set: ScalarSet) -> ExpressionNode {
        .set(ignoresCase ? set.ignoringCase : set)
    }

    private mutating func choice() throws(ToolError) -> ExpressionNode {
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(ToolError) -> ExpressionNode {
        var parts: [ExpressionNode] = []
        while let next = rest.first, next != "|", next != ")" { parts.append(try repetition()) }
        return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
    }

    private mutating func repetition() throws(ToolError) -> ExpressionNode {
        var node = try atom()
        var level = 0
        while let (minimum, maximum) = try quantifier() {
            level += 1
            guard level <= 4 else { throw Self.failure("too many repetitions of a repetition") }
            // Greedy, lazy and possessive ones find the same lines, except that a possessive one finds fewer.
            _ = take("?")
            node = .repeated(node, minimum: minimum, maximum: maximum)
        }
        return node
    }

    private mutating func quantifier() throws(ToolError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard rest.first == "{", let end = rest.firstIndex(of: "}") else { return nil }
        let inside = String(String.UnicodeScalarView(rest[(rest.startIndex + 1)..<end]))
        let parts = inside.split(separator: ",", omittingEmptySubsequences: false)
        // A brace that counts nothing stands for itself.
        guard (1...2).contains(parts.count), let minimum = Self.count(parts[0]) else { return nil }
        var maximum: Int? = minimum
        if parts.count == 2 {
            maximum = Self.count(parts[1])
            guard maximum != nil || parts[1].isEmpty else { return nil }
        }
        rest = rest[(end + 1)...]
        guard max(minimum, maximum ?? 0) <= Self.maximumCount else {
            throw Self.failure("a count over \(Self.maximumCount)")
        }
        guard maximum.map({ $0 >= minimum }) ?? true else { throw Self.failure("{\(inside)} ends before it starts") }
        return (minimum, maximum)
    }

    private static func count(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return text.utf8.count > 9 ? Int.max : Int(text)
    }

    private mutating func atom() throws(ToolError) -> ExpressionNode {
        guard let next = rest.popFirst() else { return .empty }
        switch next {
        case "(": return try group()
        case "[": return literal(try bracket())
        case ".": return .set(ScalarSet().inverted)
        case "^": return .assertion(.lineStart)
        case "$": return .assertion(.lineEnd)
        case "\\": return try escape()
        case "*", "+", "?": throw Self.failure("\(next) has nothing to repeat")
        default: return literal(ScalarSet(next))
        }
    }

    private mutating func group() throws(ToolError) -> ExpressionNode {
        depth += 1
        guard depth <= Self.maximumDepth else { throw Self.failure("too many groups inside each other") }
        let before = ignoresCase
        if take("?") {
            let endsHere = try groupKind()
            if endsHere {
                depth -= 1
                return .empty
            }
        }
        let node = try choice()
        guard take(")") else { throw Self.failure("a parenthesis is not closed") }
        ignoresCase = before
        depth -= 1
        return node
    }

    /// What follows `(?`.
    /// - Returns: true when it only sets flags for what comes after it.
    private mutating func groupKind() throws(ToolError) -> Bool {
        for mark in ["=", "!", "<=", "<!"] where take(mark) {
            throw Self.failure("look-around is not supported; use bash with another tool")
        }
        if take("P<") || take("<") {
            guard let end = rest.firstIndex(of: ">") else { throw Self.failure("a group's name is not closed") }
            rest = rest[(end + 1)...]
            return false
        }
        var isOff = false
        while let flag = rest.popFirst() {
            switch flag {
            case ":": return false
            case ")": return true
            case "-": isOff = true
            case "i": ignoresCase = !isOff
            // Lines are searched one by one: these change nothing.
            case "s", "m", "u", "U", "R": continue
            default: throw Self.failure("(?\(flag) is not supported")
            }
        }
        throw Self.failure("a parenthesis is not closed")
    }
}
