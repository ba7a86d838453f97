/// Base64 with padding (RFC 4648 §4).
enum Base64Text {
    /// Nil unless every character, and the padding, is as it must be.
    static func decode(_ lines: [ArraySlice<UInt8>]) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(lines.reduce(0) { $0 + $1.count } * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for line in lines {
            for character in line {
                if character == UInt8(ascii: "=") {
                    padding += 1
                    bits <<= 6
                } else {
                    guard padding == 0, let value = value(character) else { return nil }
                    bits = bits << 6 | UInt32(value)
                }
                count += 1
                guard count % 4 == 0 else { continue }
                guard padding <= 2 else { return nil }
                bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
                if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: bits >> 8)) }
                if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: bits)) }
                bits = 0
            }
        }
        return count % 4 == 0 ? bytes : nil
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x41...0x5A: character - 0x41
        case 0x61...0x7A: character - 0x61 + 26
        case 0x30...0x39: character - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
