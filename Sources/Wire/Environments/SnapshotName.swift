/// The name of a kept sandbox, as people choose it (an extension). Sessions of one environment share their names.
public struct SnapshotName: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public static let rule = "1 to 32 letters, digits, - and _"
    /// The member of a session's metadata that asks to start from one.
    public static let metadataKey = "perimeter.snapshot"

    public init?(_ text: String) {
        guard (1...32).contains(text.utf8.count),
            text.utf8.allSatisfy({
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            })
        else { return nil }
        rawValue = text
    }

    /// What a session's metadata asks for.
    /// - Throws: ``WireError`` 400 for a text that is no name.
    public init?(metadata: JSON?) throws(WireError) {
        guard let value = metadata?[Self.metadataKey] else { return nil }
        guard let name = value.stringValue.flatMap({ SnapshotName($0) }) else {
            throw .invalid("metadata.\(Self.metadataKey): must be \(Self.rule)")
        }
        self = name
    }

    public var description: String { rawValue }
}
