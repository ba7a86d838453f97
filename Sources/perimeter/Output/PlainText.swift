/// Makes text from elsewhere safe for a terminal: what a tool or a model prints must not move the cursor, change colours
/// or reorder the line.
enum PlainText {
    /// Keeps line ends, turns tabs into spaces, drops other control and direction characters.
    static func sanitised(_ text: String) -> String {
        var output = String.UnicodeScalarView()
        var scalars = text.unicodeScalars.makeIterator()
        var next = scalars.next()
        while let scalar = next {
            next = scalars.next()
            switch scalar.value {
            case 0x0A: output.append(scalar)
            case 0x0D:
                // The second half of CR LF follows by itself.
                if next?.value != 0x0A { output.append("\n") }
            case 0x09: output.append(contentsOf: "    ".unicodeScalars)
            case 0x1B:
                // The rest of a colour or cursor sequence would remain as rubbish.
                guard next?.value == 0x5B else { continue }
                next = scalars.next()
                while let part = next, (0x20...0x3F).contains(part.value) { next = scalars.next() }
                next = scalars.next()
            case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: continue
            default: output.append(scalar)
            }
        }
        return String(output)
    }

    /// One line of at most `width` characters.
    static func oneLine(_ text: String, width: Int) -> String {
        let joined = sanitised(text).split(separator: "\n", omittingEmptySubsequences: true).joined(separator: " ⏎ ")
        return clipped(joined, width: width)
    }

    static func clipped(_ text: String, width: Int) -> String {
        guard text.count > width, width > 1 else { return text }
        return text.prefix(width - 1) + "…"
    }

    /// Breaks lines at spaces so that none is longer than `width`; longer words are cut.
    static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var rest = line[...]
            while rest.count > width {
                let limit = rest.index(rest.startIndex, offsetBy: width)
                let cut = rest[..<limit].lastIndex(of: " ") ?? limit
                let end = cut == rest.startIndex ? limit : cut
                lines.append(String(rest[..<end]))
                rest = rest[end...]
                if rest.first == " " { rest.removeFirst() }
            }
            lines.append(String(rest))
        }
        return lines
    }
}
