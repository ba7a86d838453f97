/// A bearer token or another word that must not be printed.
public struct EngineSecret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let value: String

    public init(_ value: String) { self.value = value }

    /// For the header that carries it.
    var exposed: String { value }

    /// Nil for what cannot stand in a header: empty, or anything but visible ASCII characters.
    var headerValue: String? {
        !value.isEmpty && value.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? value : nil
    }

    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
