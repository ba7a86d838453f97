/// The readable text of an HTML page: scripts, styles and tags go, blocks become lines, links keep their address.
///
/// One pass over the bytes; any bytes give some text.
struct HTMLText {
    private static let dropped: Set<String> = ["script", "style", "noscript", "template", "svg"]
    /// Line feeds around a block.
    private static let blocks: [String: Int] = [
        "p": 2, "h1": 2, "h2": 2, "h3": 2, "h4": 2, "h5": 2, "h6": 2, "ul": 2, "ol": 2, "table": 2, "pre": 2,
        "blockquote": 2, "section": 2, "article": 2, "header": 2, "footer": 2, "nav": 2, "main": 2, "hr": 2, "title": 2,
        "dl": 2, "div": 1, "br": 1, "li": 1, "tr": 1, "dt": 1, "dd": 1, "option": 1, "figcaption": 1,
    ]

    private let bytes: [UInt8]
    private let base: WebAddress?
    private var position = 0
    private var output: [UInt8] = []
    /// Line feeds and a space that come before the next text.
    private var breaks = 0
    private var hasSpace = false
    private var preDepth = 0
    private var link: (address: String, start: Int)?

    /// - Parameter base: what relative links are relative to; nil leaves links out.
    static func extract(_ html: [UInt8], base: WebAddress? = nil) -> String {
        var text = HTMLText(bytes: html, base: base)
        text.run()
        return String(decoding: text.output, as: UTF8.self)
    }

    private init(bytes: [UInt8], base: WebAddress?) {
        self.bytes = bytes
        self.base = base
    }

    private mutating func run() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "<"): takeMarkup()
            case UInt8(ascii: "&"):
                let (text, length) = HTMLEntity.decode(bytes[(position + 1)...])
                position += 1 + length
                for byte in text.utf8 { put(byte) }
            default:
                put(bytes[position])
                position += 1
            }
        }
    }

    private mutating func put(_ byte: UInt8) {
        switch byte {
        case 0x0A where preDepth > 0: breaks = min(breaks + 1, 2)
        case 0x09 where preDepth > 0, 0x20 where preDepth > 0:
            putBreaks()
            output.append(byte)
        case 0x09, 0x0A, 0x0C, 0x0D, 0x20: hasSpace = true
        default:
            if hasSpace, breaks == 0, !output.isEmpty { output.append(0x20) }
            putBreaks()
            hasSpace = false
            output.append(byte)
        }
    }

    private mutating func putBreaks() {
        if !output.isEmpty { output.append(contentsOf: repeatElement(0x0A, count: breaks)) }
        breaks = 0
    }

    private mutating func takeMarkup() {
        let rest = bytes[(position + 1)...]
        if rest.starts(with: "!--".utf8) {
            position = end(of: "-->", from: position + 4)
            return
        }
        let isClosing = rest.first == UInt8(ascii: "/")
        let name = rest.dropFirst(isClosing ? 1 : 0).prefix { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
        }
        guard !name.isEmpty || rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "?") || isClosing else {
            // No tag: a sign for "less than" that nobody escaped.
            put(UInt8(ascii: "<"))
            position += 1
            return
        }
        let close = tagEnd(from: name.endIndex)
        let attributes = bytes[name.endIndex..<max(close, name.endIndex)]
        position = min(close + 1, bytes.count)
        let tag = String(decoding: name, as: UTF8.self).lowercased()
        if !isClosing, Self.dropped.contains(tag) {
            position = end(of: ">", from: end(of: "</\(tag)", from: position))
            return
        }
        took(tag, isClosing: isClosing, attributes)
    }

    private mutating func took(_ tag: String, isClosing: Bool, _ attributes: ArraySlice<UInt8>) {
        if tag == "br" {
            breaks = min(breaks + 1, 2)
        } else if let count = Self.blocks[tag] {
            breaks = max(breaks, count)
        }
        switch tag {
        case "pre": preDepth = max(preDepth + (isClosing ? -1 : 1), 0)
        case "li" where !isClosing:
            put(UInt8(ascii: "-"))
            hasSpace = true
        case "td", "th": hasSpace = true
        case "a":
            if let link, output.count > link.start {
                for byte in " <\(link.address)>".utf8 { put(byte) }
            }
            link = nil
            guard !isClosing, let base, let reference = HTMLEntity.attribute("href", in: attributes),
                !reference.hasPrefix("#"), let address = try? base.redirected(to: reference)
            else { return }
            link = (address.text, output.count)
        default: return
        }
    }

    /// Where the tag's `>` is, outside of quotes if they are closed.
    private func tagEnd(from start: Int) -> Int {
        var quote: UInt8?
        for index in start..<bytes.count {
            let byte = bytes[index]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: ">") {
                return index
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            }
        }
        return bytes[start...].firstIndex(of: UInt8(ascii: ">")) ?? bytes.count
    }

    /// The place behind the next `mark`, in any case; the end when there is none.
    private func end(of mark: String, from start: Int) -> Int {
        let wanted = Array(mark.utf8)
        var index = start
        while index + wanted.count <= bytes.count {
            if zip(bytes[index...], wanted).allSatisfy({ Self.lower($0) == $1 }) { return index + wanted.count }
            index += 1
        }
        return bytes.count
    }

    private static func lower(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }
}
