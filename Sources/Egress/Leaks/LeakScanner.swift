internal import CLinux
internal import Wire

/// Looks for what must not leave in a stream of bytes, also where it lies across two pieces.
struct LeakScanner: Sendable {
    /// Why what was looked at must not leave.
    enum Found: Error, Equatable {
        case rule(String)
        /// Nobody can tell what is in it: the rest of a sentence that starts with "it has".
        case unreadable(String)

        func sentence(_ host: HostName) -> String {
            switch self {
            case .rule(let name):
                "The sandbox may not send this to \(host): the rule '\(name)' about leaks refuses it."
            case .unreadable(let what):
                "The sandbox may not send this to \(host): it has \(what), which the rules about leaks cannot read."
            }
        }
    }
    private struct Place {
        var range: Range<Int>
        var rule: LeakRule
    }
    /// What is behind this may still change what comes before it.
    private static let margin = LeakShape.longest

    let rules: [LeakRule]
    /// What the next piece decides over.
    private var held: [UInt8] = []
    private var before: UInt8?
    private(set) var hasRedacted = false

    private let marks: (open: String, close: String)

    /// - Parameter marks: around what is put in the place of something.
    init(_ rules: [LeakRule], marks: (open: String, close: String) = ("[", "]")) {
        self.rules = rules
        self.marks = marks
    }

    /// What can be passed on now. Costs the length of the piece times the number of rules.
    mutating func take(_ piece: some Collection<UInt8>) throws(Found) -> [UInt8] {
        guard !rules.isEmpty else { return Array(piece) }
        held += piece
        // Looked at only when there is much of it, lest small pieces are looked at again with each that comes.
        return held.count >= 4 * Self.margin ? try drain(keeping: Self.margin) : []
    }

    /// What is left when nothing more comes.
    mutating func finish() throws(Found) -> [UInt8] { try drain(keeping: 0) }

    /// A whole text at once.
    static func scan(
        _ bytes: [UInt8], _ rules: [LeakRule], marks: (open: String, close: String) = ("[", "]")
    ) throws(Found) -> [UInt8] {
        var scanner = LeakScanner(rules, marks: marks)
        let passed = try scanner.take(bytes)
        return try passed + scanner.finish()
    }

    private mutating func drain(keeping margin: Int) throws(Found) -> [UInt8] {
        var end = max(0, held.count - margin)
        var passed: [UInt8] = []
        passed.reserveCapacity(held.count)
        var index = 0
        let places = places()
        for place in places where place.rule.action == .redact {
            // One that begins within another's end lengthens it.
            if place.range.lowerBound >= index {
                guard place.range.lowerBound < end else { break }
                passed += held[index..<place.range.lowerBound]
                passed += Array("\(marks.open)redacted:\(place.rule.name)\(marks.close)".utf8)
                hasRedacted = true
            }
            index = max(index, place.range.upperBound)
        }
        end = max(end, index)
        if let refused = places.first(where: { $0.rule.action == .block && $0.range.lowerBound < end }) {
            throw .rule(refused.rule.name)
        }
        passed += held[index..<end]
        if end > 0 { before = held[end - 1] }
        held.removeFirst(end)
        return passed
    }

    /// By where they begin.
    private func places() -> [Place] {
        var places: [Place] = []
        for rule in rules {
            let ranges =
                switch rule.subject {
                case .text(let text): Self.places(of: text, in: held)
                case .kind(.creditCard): CardNumber.places(in: held, before: before)
                case .kind(let kind):
                    LeakShape.shapes(of: kind).flatMap { $0.places(in: held, before: before) }
                }
            places += ranges.map { Place(range: $0, rule: rule) }
        }
        return places.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }

    /// All places of a text, in linear time.
    static func places(of text: [UInt8], in bytes: [UInt8]) -> [Range<Int>] {
        bytes.withUnsafeBytes { buffer in
            var places: [Range<Int>] = []
            guard let start = buffer.baseAddress else { return places }
            var index = 0
            while index < buffer.count, let found = clinux_find(start + index, buffer.count - index, text, text.count) {
                index = found - start
                places.append(index..<(index + text.count))
                index += 1
            }
            return places
        }
    }
}
