/// The readable text of an HTML page: scripts, styles and tags go, blocks become lines.
enum HTMLText {
    private static let dropped: Set<String> = ["script", "style", "noscript", "template", "svg", "head"]
    private static let blocks: Set<String> = [
        "p", "div", "br", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article",
        "pre",
        "blockquote", "header", "footer", "nav", "main", "dt", "dd", "hr",
    ]
    private static let entities: [String: String] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "ndash": "–", "mdash": "—",
        "hellip": "…",
        "copy": "©", "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”",
    ]

    static func extract(_ html: String) -> String {
        var output = ""
        var rest = html[...]
        while let open = rest.firstIndex(of: "<") {
            output += unescaped(rest[..<open])
            rest = rest[rest.index(after: open)...]
            if rest.hasPrefix("!--") {
                rest = after("-->", rest)
                continue
            }
            let end = rest.firstIndex(of: ">") ?? rest.endIndex
            let isClosing = rest.hasPrefix("/")
            let name = rest[..<end].drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber }.lowercased()
            rest = end == rest.endIndex ? rest[end...] : rest[rest.index(after: end)...]
            if !isClosing, dropped.contains(name) {
                // What is inside is no markup: only its own end counts.
                rest = after(">", after("</\(name)", rest))
            } else if blocks.contains(name) {
                output += name == "li" && !isClosing ? "\n- " : "\n"
            }
        }
        return tidied(output + unescaped(rest))
    }

    /// The text behind the first `mark`, in any case; empty when there is none.
    private static func after(_ mark: String, _ text: Substring) -> Substring {
        let wanted = Array(mark.utf8)
        let bytes = text.utf8
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index...].prefix(wanted.count).elementsEqual(wanted, by: { $0 | 0x20 == $1 | 0x20 }) {
                return text[(bytes.index(index, offsetBy: wanted.count))...]
            }
            index = bytes.index(after: index)
        }
        return text[text.endIndex...]
    }

    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("&") else { return String(text) }
        var output = ""
        var rest = text
        while let start = rest.firstIndex(of: "&") {
            output += rest[..<start]
            rest = rest[rest.index(after: start)...]
            guard let end = rest.prefix(12).firstIndex(of: ";") else {
                output.append("&")
                continue
            }
            let name = String(rest[..<end])
            if let known = entities[name] ?? numeric(name) {
                output += known
                rest = rest[rest.index(after: end)...]
            } else {
                output.append("&")
            }
        }
        return output + rest
    }

    private static func numeric(_ name: String) -> String? {
        guard name.hasPrefix("#") else { return nil }
        let isHex = name.hasPrefix("#x") || name.hasPrefix("#X")
        guard let number = UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10),
            let scalar = Unicode.Scalar(number), number >= 0x20 || number == 0x0A
        else { return nil }
        return String(Character(scalar))
    }

    /// One space between words, at most one empty line between blocks.
    private static func tidied(_ text: String) -> String {
        var lines: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }.joined(separator: " ")
            if words.isEmpty, lines.last?.isEmpty ?? true { continue }
            lines.append(words)
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n")
    }
}
