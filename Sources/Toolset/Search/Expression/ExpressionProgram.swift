/// An expression as instructions over UTF-8 bytes.
struct ExpressionProgram {
    enum Instruction {
        case bytes(low: UInt8, high: UInt8, next: Int32)
        case split(Int32, Int32)
        case assertion(ExpressionNode.Assertion, next: Int32)
        case match
    }

    /// Bounds the memory and the time that one byte of text can cost.
    static let maximumInstructions = 10_000

    private(set) var instructions: [Instruction] = [.match]
    private(set) var entry: Int32 = 0

    /// - Throws: ``ToolError`` when its counts make the expression too large.
    init(_ node: ExpressionNode) throws(ToolError) {
        entry = try compile(node, next: 0)
    }

    private mutating func add(_ instruction: Instruction) throws(ToolError) -> Int32 {
        guard instructions.count < Self.maximumInstructions else {
            throw ExpressionParser.failure("its counts make it too large")
        }
        instructions.append(instruction)
        return Int32(instructions.count - 1)
    }

    /// Appends what `node` means, followed by `next`.
    /// - Returns: where it starts.
    private mutating func compile(_ node: ExpressionNode, next: Int32) throws(ToolError) -> Int32 {
        switch node {
        case .empty: return next
        case .set(let set): return try compile(set, next: next)
        case .assertion(let assertion): return try add(.assertion(assertion, next: next))
        case .sequence(let parts):
            var start = next
            for part in parts.reversed() { start = try compile(part, next: start) }
            return start
        case .choice(let branches):
            var start: Int32?
            for branch in branches.reversed() {
                let place = try compile(branch, next: next)
                start = if let start { try add(.split(place, start)) } else { place }
            }
            return start ?? next
        case .repeated(let part, let minimum, let maximum):
            return try compile(part, minimum: minimum, maximum: maximum, next: next)
        }
    }

    private mutating func compile(
        _ part: ExpressionNode, minimum: Int, maximum: Int?, next: Int32
    ) throws(ToolError) -> Int32 {
        var start = next
        if let maximum {
            for _ in minimum..<maximum {
                let body = try compile(part, next: start)
                // A part without any instruction would be repeated at no cost: once is enough.
                guard body != start else { break }
                start = try add(.split(body, next))
            }
        } else {
            start = try add(.split(next, next))
            let body = try compile(part, next: start)
            instructions[Int(start)] = .split(body, next)
        }
        for _ in 0..<minimum {
            let body = try compile(part, next: start)
            guard body != start else { break }
            start = body
        }
        return start
    }

    private mutating func compile(_ set: ScalarSet, next: Int32) throws(ToolError) -> Int32 {
        struct Step: Hashable {
            var range: ClosedRange<UInt8>
            var next: Int32
        }
        var known: [Step: Int32] = [:]
        var starts: [Int32] = []
        for range in set.ranges {
            for pattern in UTF8Ranges.patterns(of: range) {
                var place = next
                for bytes in pattern.reversed() {
                    let step = Step(range: bytes, next: place)
                    place =
                        if let same = known[step] { same } else {
                            try add(.bytes(low: bytes.lowerBound, high: bytes.upperBound, next: place))
                        }
                    known[step] = place
                }
                if !starts.contains(place) { starts.append(place) }
            }
        }
        // A set without members matches nothing: a range of bytes that no byte is in.
        guard var start = starts.popLast() else { return try add(.bytes(low: 1, high: 0, next: next)) }
        while let other = starts.popLast() { start = try add(.split(other, start)) }
        return start
    }
}
