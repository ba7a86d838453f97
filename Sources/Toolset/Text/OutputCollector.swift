/// Collects one result's text within a bound: the beginning and the end stay, the whole goes into a file.
package struct OutputCollector {
    /// Where the whole text goes once it is over the limit.
    package struct Spill {
        package var path: String
        package var file: Descriptor
        package init(path: String, file: Descriptor) {
            self.path = path
            self.file = file
        }
    }

    private let limit: Int
    private let spillLimit: Int
    private let openSpill: () -> Spill?

    private var sanitizer = TextSanitizer()
    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    private var total = 0
    private var spill: Spill?
    private var spilled = 0
    private var isSpillBroken = false

    /// - Parameters:
    ///   - limit: bytes of the result's text, apart from the line that names the file.
    ///   - spillLimit: bytes of the file.
    ///   - openSpill: called once, when the limit is passed; nil when no file can be had.
    package init(limit: Int, spillLimit: Int, openSpill: @escaping () -> Spill?) {
        self.limit = limit
        self.spillLimit = spillLimit
        self.openSpill = openSpill
    }

    /// Takes raw output.
    /// - Returns: the same in clean form, for progress.
    @discardableResult
    package mutating func add(_ raw: [UInt8]) -> [UInt8] {
        var clean: [UInt8] = []
        sanitizer.clean(raw, into: &clean)
        take(clean)
        return clean
    }

    /// The text: everything, or beginning, note and end. Without line feeds at its end; may be empty.
    package mutating func finish() -> String {
        var rest: [UInt8] = []
        sanitizer.finish(into: &rest)
        take(rest)
        guard total > limit else { return Self.text(trimmingEnd(head[...])) }
        let first = Self.wholeCharacters(head.prefix(limit / 2))
        let last = Self.fromWholeCharacter(tail.suffix(limit - limit / 2))
        let hidden = total - first.count - last.count
        return Self.text(first) + "\n\n[... \(hidden) bytes left out here; \(whereabouts) ...]\n\n"
            + Self.text(trimmingEnd(last))
    }

    private var whereabouts: String {
        guard let spill else { return "the whole output of \(total) bytes could not be saved" }
        if spilled == total { return "the whole output of \(total) bytes is in \(spill.path)" }
        return "the first \(spilled) of \(total) bytes are in \(spill.path)"
    }

    private mutating func take(_ clean: [UInt8]) {
        guard !clean.isEmpty else { return }
        let wasOver = total > limit
        total += clean.count
        if wasOver {
            keepTail(clean)
            save(clean)
            return
        }
        head.append(contentsOf: clean)
        guard total > limit else { return }
        spill = openSpill()
        keepTail(head)
        save(head)
        head.removeSubrange((limit / 2)...)
    }

    private mutating func keepTail(_ bytes: [UInt8]) {
        tail.append(contentsOf: bytes.suffix(limit))
        if tail.count > 2 * limit { tail.removeFirst(tail.count - limit) }
    }

    private mutating func save(_ bytes: [UInt8]) {
        guard let spill, !isSpillBroken, spilled < spillLimit else { return }
        let piece = bytes.prefix(spillLimit - spilled)
        do {
            try spill.file.write(piece)
            spilled += piece.count
        } catch {
            // A full disk: what is there stays, and the note says how much that is.
            isSpillBroken = true
        }
    }

    private func trimmingEnd(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        return bytes
    }

    private static func wholeCharacters(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var end = bytes.endIndex
        var back = 0
        while back < 4, end > bytes.startIndex {
            let byte = bytes[end - 1]
            if byte < 0x80 { break }
            end -= 1
            back += 1
            if byte >= 0xC0 {
                let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
                if back == length { end += back }
                break
            }
        }
        return bytes[..<end]
    }

    private static func fromWholeCharacter(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.drop { $0 & 0xC0 == 0x80 }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }
}
