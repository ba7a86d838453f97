extension ExpressionParser {
    /// What follows a backslash outside of brackets.
    mutating func escape() throws(ToolError) -> ExpressionNode {
        guard let next = rest.first else { throw Self.failure("a backslash at the end") }
        let assertion: ExpressionNode.Assertion? =
            switch next {
            case "b": .wordBoundary
            case "B": .noWordBoundary
            case "<": .wordStart
            case ">": .wordEnd
            case "A": .lineStart
            case "z", "Z": .lineEnd
            default: nil
            }
        if let assertion {
            rest.removeFirst()
            return .assertion(assertion)
        }
        guard next != "n" else { throw Self.failure("\\n never matches, for every line is searched by itself") }
        return literal(try escapedSet())
    }

    /// The characters that the escape after a backslash means.
    private mutating func escapedSet() throws(ToolError) -> ScalarSet {
        guard let next = rest.popFirst() else { throw Self.failure("a backslash at the end") }
        switch next {
        case "d": return .digits
        case "D": return ScalarSet.digits.inverted
        case "w": return .word
        case "W": return ScalarSet.word.inverted
        case "s": return .space
        case "S": return ScalarSet.space.inverted
        case "h": return ScalarSet([0x09...0x09, 0x20...0x20])
        case "t": return ScalarSet("\t")
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "f": return ScalarSet("\u{0C}")
        case "v": return ScalarSet("\u{0B}")
        case "a": return ScalarSet("\u{07}")
        case "e": return ScalarSet("\u{1B}")
        case "x": return ScalarSet(try number(digits: 2))
        case "u": return ScalarSet(try number(digits: 4))
        case "0"..."9", "k": throw Self.failure("references to groups are not supported; use bash with another tool")
        case "a"..."z", "A"..."Z": throw Self.failure("\\\(next) is not supported")
        default: return ScalarSet(next)
        }
    }

    /// So many hexadecimal digits, or any number of them in braces.
    private mutating func number(digits: Int) throws(ToolError) -> Unicode.Scalar {
        var text = ""
        if take("{") {
            while let next = rest.popFirst(), next != "}", text.utf8.count <= 8 { text.unicodeScalars.append(next) }
        } else {
            text.unicodeScalars.append(contentsOf: rest.prefix(digits))
            rest = rest.dropFirst(digits)
        }
        guard let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw Self.failure("\(text) is no character's number")
        }
        return scalar
    }

    /// What follows an opening bracket.
    mutating func bracket() throws(ToolError) -> ScalarSet {
        let isInverted = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while true {
            guard let next = rest.first else { throw Self.failure("a bracket is not closed") }
            // A closing bracket that comes first stands for itself.
            if next == "]", !isFirst { break }
            isFirst = false
            if let named = try namedSet() {
                ranges += named.ranges
                continue
            }
            let low = try bracketItem()
            guard rest.first == "-", rest.dropFirst().first.map({ $0 != "]" }) ?? false,
                let start = Self.single(low)
            else {
                ranges += low.ranges
                continue
            }
            rest.removeFirst()
            guard let end = Self.single(try bracketItem()), start <= end else {
                throw Self.failure("a range in brackets ends before it starts")
            }
            ranges.append(start...end)
        }
        rest.removeFirst()
        let set = ScalarSet(ranges)
        guard isInverted else { return set }
        // The other case belongs to what is left out.
        return (ignoresCase ? set.ignoringCase : set).inverted
    }

    private mutating func bracketItem() throws(ToolError) -> ScalarSet {
        guard let next = rest.popFirst() else { throw Self.failure("a bracket is not closed") }
        guard next == "\\" else { return ScalarSet(next) }
        if take("b") { return ScalarSet("\u{08}") }
        return try escapedSet()
    }

    /// `[:alpha:]` and its like.
    private mutating func namedSet() throws(ToolError) -> ScalarSet? {
        let before = rest
        guard take("[:") else { return nil }
        let isInverted = take("^")
        let name = String(String.UnicodeScalarView(rest.prefix { ("a"..."z").contains($0) }))
        rest = rest.dropFirst(name.utf8.count)
        guard take(":]") else {
            rest = before
            return nil
        }
        guard let set = ScalarSet(named: name) else { throw Self.failure("there is no class [:\(name):]") }
        return isInverted ? set.inverted : set
    }

    private static func single(_ set: ScalarSet) -> UInt32? {
        guard set.ranges.count == 1, set.ranges[0].count == 1 else { return nil }
        return set.ranges[0].lowerBound
    }
}
