/// Character references and attributes of HTML, as far as readable text needs them.
enum HTMLEntity {
    private static let names: [String: String] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "ndash": "–", "mdash": "—",
        "hellip": "…", "copy": "©", "reg": "®", "trade": "™", "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”",
        "laquo": "«", "raquo": "»", "bull": "•", "middot": "·", "times": "×", "euro": "€", "rarr": "→", "larr": "←",
        "deg": "°", "para": "¶", "sect": "§", "auml": "ä", "ouml": "ö", "uuml": "ü", "szlig": "ß", "eacute": "é",
        "egrave": "è", "agrave": "à", "ccedil": "ç", "ntilde": "ñ", "shy": "",
    ]
    private static let longest = 12

    /// What comes after an ampersand.
    /// - Returns: its text and the bytes it took; the ampersand itself and none when it starts no reference.
    static func decode(_ bytes: ArraySlice<UInt8>) -> (text: String, length: Int) {
        let name = bytes.prefix(longest).prefix { $0 != UInt8(ascii: ";") }
        guard name.endIndex < bytes.endIndex, bytes[name.endIndex] == UInt8(ascii: ";") else { return ("&", 0) }
        let text = String(decoding: name, as: UTF8.self)
        guard let known = names[text] ?? numeric(text) else { return ("&", 0) }
        return (known, name.count + 1)
    }

    private static func numeric(_ name: String) -> String? {
        guard name.hasPrefix("#") else { return nil }
        let isHex = name.hasPrefix("#x") || name.hasPrefix("#X")
        guard let number = UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10),
            let scalar = Unicode.Scalar(number), number >= 0x20 || number == 0x0A
        else { return nil }
        return String(Character(scalar))
    }

    /// The value of an attribute, with its references replaced.
    static func attribute(_ wanted: String, in bytes: ArraySlice<UInt8>) -> String? {
        var rest = bytes
        while let name = token(&rest) {
            var value: ArraySlice<UInt8> = []
            rest = rest.drop(while: isSpace)
            if rest.first == UInt8(ascii: "=") {
                rest = rest.dropFirst().drop(while: isSpace)
                if let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
                    rest = rest.dropFirst()
                    value = rest.prefix { $0 != quote }
                } else {
                    value = rest.prefix { !isSpace($0) }
                }
                rest = rest[value.endIndex...].dropFirst()
            }
            if name == wanted { return unescaped(value) }
        }
        return nil
    }

    private static func token(_ rest: inout ArraySlice<UInt8>) -> String? {
        rest = rest.drop { isSpace($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "=") }
        let name = rest.prefix { !isSpace($0) && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "/") }
        rest = rest[name.endIndex...]
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self).lowercased()
    }

    private static func unescaped(_ value: ArraySlice<UInt8>) -> String {
        var output = ""
        var rest = value
        while let ampersand = rest.firstIndex(of: UInt8(ascii: "&")) {
            output += String(decoding: rest[..<ampersand], as: UTF8.self)
            let (text, length) = decode(rest[(ampersand + 1)...])
            output += text
            rest = rest[(ampersand + 1 + length)...]
        }
        return output + String(decoding: rest, as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }
}
