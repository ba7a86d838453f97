/// A text that must not reach a log, an error message or a file: it prints as `•••` and cannot be encoded.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    public init(_ value: String) { self.value = value }

    /// The text itself; the only way to it, so that uses can be found.
    public func reveal() -> String { value }

    public var isEmpty: Bool { value.isEmpty }
    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// `text` with every occurrence of this secret hidden.
    public func redacting(_ text: String) -> String {
        // Short values would blot out ordinary words.
        guard value.utf8.count >= 8 else { return text }
        return text.split(separator: value, omittingEmptySubsequences: false).joined(separator: "•••")
    }
}
