/// A secret of a person or a program, in this process only: it prints as `•••` and cannot be encoded.
public struct SecretValue: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
    private let text: String

    public init(_ text: String) { self.text = text }

    /// The text itself; the only way to it, so that uses can be found.
    public func reveal() -> String { text }

    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
