/// A pattern for one name: `*`, `?`, `[…]`, and a backslash that takes the next character as it is.
struct NamePattern {
    private enum Token {
        case run
        case any
        case literal(Unicode.Scalar)
        case set(ScalarSet)
    }

    private let tokens: [Token]

    init(_ text: String) {
        var tokens: [Token] = []
        var rest = Array(text.unicodeScalars)[...]
        while let next = rest.popFirst() {
            switch next {
            case "*":
                if case .run? = tokens.last { continue }
                tokens.append(.run)
            case "?": tokens.append(.any)
            case "\\": tokens.append(.literal(rest.popFirst() ?? next))
            case "[":
                if let set = Self.set(&rest) { tokens.append(.set(set)) } else { tokens.append(.literal(next)) }
            default: tokens.append(.literal(next))
            }
        }
        self.tokens = tokens
    }

    /// Costs at most the product of both lengths: a failure only ever goes back to the last `*`.
    func matches(_ name: String) -> Bool {
        let scalars = Array(name.unicodeScalars)
        var (token, index) = (0, 0)
        var retry: (token: Int, index: Int)?
        while index < scalars.count {
            if token < tokens.count, case .run = tokens[token] {
                retry = (token + 1, index)
                token += 1
            } else if token < tokens.count, Self.fits(tokens[token], scalars[index]) {
                token += 1
                index += 1
            } else if let last = retry {
                retry = (last.token, last.index + 1)
                (token, index) = (last.token, last.index + 1)
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { if case .run = $0 { true } else { false } }
    }

    private static func fits(_ token: Token, _ scalar: Unicode.Scalar) -> Bool {
        switch token {
        case .run: false
        case .any: true
        case .literal(let wanted): wanted == scalar
        case .set(let set): set.ranges.contains { $0.contains(scalar.value) }
        }
    }

    /// What follows an opening bracket; nil, and nothing taken, when the bracket is never closed.
    private static func set(_ rest: inout ArraySlice<Unicode.Scalar>) -> ScalarSet? {
        var inside = rest
        let isInverted = inside.first == "!" || inside.first == "^"
        if isInverted { inside.removeFirst() }
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while var low = inside.popFirst() {
            // A closing bracket that comes first stands for itself.
            if low == "]", !isFirst {
                rest = inside
                let set = ScalarSet(ranges)
                return isInverted ? set.inverted : set
            }
            isFirst = false
            if low == "\\", let escaped = inside.popFirst() { low = escaped }
            var high = low
            if inside.first == "-", let end = inside.dropFirst().first, end != "]" {
                inside = inside.dropFirst(2)
                high = end
            }
            if low <= high { ranges.append(low.value...high.value) }
        }
        return nil
    }
}
