extension String {
    /// Words of a peer, made fit for one line of a message: no control characters, at most `limit` characters.
    init(peer bytes: some Collection<UInt8>, limit: Int = 400) {
        // What is cut off is not decoded either: four bytes a character at most.
        let text = String(decoding: bytes.prefix(limit * 4), as: UTF8.self)
        let words = text.unicodeScalars.split { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0 == " " }
        self = String(words.map { String(String.UnicodeScalarView($0)) }.joined(separator: " ").prefix(limit))
    }

    init(peer text: String, limit: Int = 400) { self.init(peer: text.utf8, limit: limit) }
}
