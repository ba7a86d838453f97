public import Wire

/// What must not leave a sandbox in a request, and what is done about it.
public struct LeakRule: Hashable, Sendable {
    public enum Action: String, Sendable {
        /// The request is refused.
        case block
        /// The text is replaced by `[redacted:NAME]`.
        case redact
    }
    public enum Subject: Hashable, Sendable {
        case kind(LeakKind)
        /// These bytes.
        case text([UInt8])
    }
    /// The bytes of a text.
    public static let lengths = 6...128
    /// The rules of an operator; an environment brings as many as there are kinds.
    public static let maximumOperatorCount = 64

    public var action: Action
    /// For refusals and in the place of what was redacted: never the text.
    public var name: String
    public var subject: Subject

    /// The rule for something known.
    public init(_ action: Action, _ kind: LeakKind) {
        self.action = action
        name = kind.rawValue
        subject = .kind(kind)
    }

    /// Reads a line: `block KIND`, `redact KIND`, `block NAME TEXT`, `redact NAME TEXT`. The text goes to the line's end.
    /// - Returns: nil when it is none of these.
    public init?(line: some StringProtocol) {
        let parts: [Substring] = String(line).split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        let words = parts.map(String.init)
        guard words.count >= 2, let action = Action(rawValue: words[0]) else { return nil }
        if words.count == 2 {
            guard let kind = LeakKind(rawValue: words[1]), action == .block || kind.canBeRedacted else { return nil }
            self = LeakRule(action, kind)
            return
        }
        let bytes = Array(words[2].utf8)
        guard (1...64).contains(words[1].utf8.count), words[1].utf8.allSatisfy(Self.isPlain),
            LeakKind(rawValue: words[1]) == nil, Self.lengths.contains(bytes.count),
            bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        self.action = action
        name = words[1]
        subject = .text(bytes)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension LeakRule: CustomStringConvertible, CustomReflectable {
    /// Without the text.
    public var description: String { "\(action) \(name)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
