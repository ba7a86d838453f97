/// An identifier that a server chose. Hosted and own servers use different prefixes, so only the characters are checked:
/// the text is safe in a URL path, in a file name and in a journal line.
struct RemoteID: Hashable, Sendable, CustomStringConvertible {
    let rawValue: String

    init?(_ text: String?) {
        guard let text, !text.isEmpty, text.utf8.count <= 128,
            text.utf8.allSatisfy({ byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            })
        else { return nil }
        rawValue = text
    }

    var description: String { rawValue }
}
