/// A bearer text: an environment key or a work item's sessions token. It prints as `•••` and cannot be encoded.
public struct Credential: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    /// Accepts printable ASCII only, which is what a header can carry; nil for anything else and for an empty text.
    public init?(_ value: String) {
        guard !value.isEmpty, value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        self.value = value
    }

    /// The text itself; the only way to it, so that uses can be found.
    func reveal() -> String { value }

    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
