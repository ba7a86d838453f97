/// Percent-encoding of path segments and query values (RFC 3986 §2): everything but unreserved characters is encoded.
enum PathSegment {
    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                output.append(byte)
            default:
                output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// An identifier from the command line as one segment.
    /// - Throws: ``CommandError`` `.usage` for texts that would name another path.
    static func id(_ text: String) throws(CommandError) -> String {
        guard !text.isEmpty, text != ".", text != "..", text.utf8.count <= 128 else {
            throw CommandError(.usage, "'\(text.prefix(128))' is not an id")
        }
        return encode(text)
    }
}
