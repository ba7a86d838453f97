/// Runs a program over lines in time linear in their length, with bounded memory.
///
/// The sets of instructions that a text leads to become states, with a table from state and byte to the next state; both are
/// made when they are first needed, and all are thrown away when there are too many.
final class ExpressionMatcher {
    /// What is known of the character before a place.
    private enum Before: UInt8 { case start, word, other }
    /// `inside` is within a character.
    private enum After { case end, word, inside, other }

    private struct State: Hashable {
        var places: [Int32]
        var before: Before
    }

    private enum Next {
        static let unknown: Int32 = -1
        static let match: Int32 = -2
    }

    private static let maximumStates = 4096
    private static let maximumPlaces = 1 << 20

    private let program: ExpressionProgram
    private let asksForContext: Bool
    private let kindOfByte: [UInt8]
    private let kinds: Int

    private var states: [State] = []
    private var numbers: [State: Int32] = [:]
    private var table: [Int32] = []
    private var matchesAtEnd: [Bool?] = []
    private var placeCount = 0
    private var marks: [UInt32]
    private var mark: UInt32 = 0

    init(_ program: ExpressionProgram) {
        self.program = program
        var starts = [Bool](repeating: false, count: 257)
        var asksForContext = false
        for instruction in program.instructions {
            switch instruction {
            case .bytes(let low, let high, _):
                starts[Int(low)] = true
                starts[Int(high) + 1] = true
            case .assertion: asksForContext = true
            case .split, .match: continue
            }
        }
        if asksForContext {
            for byte in 1..<256 where Self.after(UInt8(byte)) != Self.after(UInt8(byte - 1)) { starts[byte] = true }
        }
        var kind = 0
        kindOfByte = (0..<256).map { byte in
            if byte > 0, starts[byte] { kind += 1 }
            return UInt8(kind)
        }
        kinds = kind + 1
        self.asksForContext = asksForContext
        marks = [UInt32](repeating: 0, count: program.instructions.count)
        forget()
    }

    /// Whether the expression matches somewhere in a line.
    func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        var state: Int32 = 0
        for byte in line {
            var next = table[Int(state) * kinds + Int(kindOfByte[Int(byte)])]
            if next == Next.unknown { next = step(from: state, over: byte) }
            if next == Next.match { return true }
            state = next
        }
        if let known = matchesAtEnd[Int(state)] { return known }
        let answer = follow(states[Int(state)], after: .end) == nil
        matchesAtEnd[Int(state)] = answer
        return answer
    }

    /// Beyond ASCII all bytes count as those of words.
    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A, 0x80...0xFF: true
        default: false
        }
    }

    private static func after(_ byte: UInt8) -> After {
        (0x80...0xBF).contains(byte) ? .inside : isWord(byte) ? .word : .other
    }

    private func step(from number: Int32, over byte: UInt8) -> Int32 {
        let cell = Int(number) * kinds + Int(kindOfByte[Int(byte)])
        let isWord = Self.isWord(byte)
        guard let reached = follow(states[Int(number)], after: Self.after(byte)) else {
            table[cell] = Next.match
            return Next.match
        }
        // A match may start at every place.
        var places = [program.entry]
        nextMark()
        marks[Int(program.entry)] = mark
        for place in reached {
            guard case .bytes(let low, let high, let next) = program.instructions[Int(place)], low <= byte,
                byte <= high,
                marks[Int(next)] != mark
            else { continue }
            marks[Int(next)] = mark
            places.append(next)
        }
        places.sort()
        let state = State(places: places, before: !asksForContext ? .start : isWord ? .word : .other)
        if let known = numbers[state] {
            table[cell] = known
            return known
        }
        guard states.count < Self.maximumStates, placeCount < Self.maximumPlaces else {
            forget()
            return numbers[state] ?? add(state)
        }
        let added = add(state)
        table[cell] = added
        return added
    }

    private func add(_ state: State) -> Int32 {
        let number = Int32(states.count)
        states.append(state)
        numbers[state] = number
        table.append(contentsOf: repeatElement(Next.unknown, count: kinds))
        matchesAtEnd.append(nil)
        placeCount += state.places.count
        return number
    }

    private func forget() {
        states = []
        numbers = [:]
        table = []
        matchesAtEnd = []
        placeCount = 0
        _ = add(State(places: [program.entry], before: .start))
    }

    private func nextMark() {
        if mark == .max {
            for index in marks.indices { marks[index] = 0 }
            mark = 0
        }
        mark += 1
    }

    /// The instructions that take a byte, reached without taking one; nil when the match is among them.
    private func follow(_ state: State, after: After) -> [Int32]? {
        nextMark()
        var reached: [Int32] = []
        var pending = state.places
        while let place = pending.popLast() {
            guard marks[Int(place)] != mark else { continue }
            marks[Int(place)] = mark
            switch program.instructions[Int(place)] {
            case .match: return nil
            case .bytes: reached.append(place)
            case .split(let first, let second):
                pending.append(first)
                pending.append(second)
            case .assertion(let assertion, let next):
                if Self.holds(assertion, state.before, after) { pending.append(next) }
            }
        }
        return reached
    }

    private static func holds(_ assertion: ExpressionNode.Assertion, _ before: Before, _ after: After) -> Bool {
        switch assertion {
        case .lineStart: before == .start
        case .lineEnd: after == .end
        case .wordBoundary: after != .inside && (before == .word) != (after == .word)
        case .noWordBoundary: after != .inside && (before == .word) == (after == .word)
        case .wordStart: before != .word && after == .word
        case .wordEnd: before == .word && after != .word && after != .inside
        }
    }
}
