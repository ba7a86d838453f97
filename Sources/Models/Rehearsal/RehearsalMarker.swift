/// The part of a rehearsed summary that tells a later request where the plan stands.
struct RehearsalMarker: Equatable {
    var prompt: String
    /// Tool calls made so far.
    var calls: Int
    /// The id of the newest of them; empty when there is none.
    var lastCall: String

    private static let opening = "<rehearsal:continue calls=\""
    private static let middle = "\" last=\""
    private static let closing = "\n</rehearsal:continue>"

    init(prompt: String, calls: Int, lastCall: String) {
        self.prompt = prompt
        self.calls = calls
        self.lastCall = lastCall
    }

    /// Finds the last marker in a text.
    init?(in text: String) {
        guard let start = text.ranges(of: Self.opening).last?.upperBound else { return nil }
        let rest = text[start...]
        guard let gap = rest.firstRange(of: Self.middle), let calls = Int(rest[..<gap.lowerBound]), calls >= 0,
            let end = rest[gap.upperBound...].firstRange(of: "\">\n"),
            let close = rest[end.upperBound...].ranges(of: Self.closing).last
        else { return nil }
        self.calls = calls
        lastCall = String(rest[gap.upperBound..<end.lowerBound])
        prompt = String(rest[end.upperBound..<close.lowerBound])
    }

    var text: String { "\(Self.opening)\(calls)\(Self.middle)\(lastCall)\">\n\(prompt)\(Self.closing)" }

    /// The text without its marker, trimmed.
    static func removed(from text: String) -> String {
        guard let start = text.firstRange(of: opening), let end = text.ranges(of: closing).last,
            start.upperBound <= end.lowerBound
        else { return text }
        let rest = text[..<start.lowerBound] + text[end.upperBound...]
        return String(rest)
    }
}
