/// The certificates of a PEM text (RFC 7468), each once read and known to be one DER object.
struct CertificateList: Equatable {
    /// Lines of base64 between the markers, checked.
    private(set) var bodies: [[Substring]] = []
    private(set) var encodings: [[UInt8]] = []

    private static let begin = "-----BEGIN CERTIFICATE-----"
    private static let end = "-----END CERTIFICATE-----"

    /// Takes a session's text, which must hold certificates and nothing else but comments between them.
    /// - Throws: `.invalid` for any other object, such as a key that somebody put there by mistake.
    init(strict text: String) throws(ToolError) {
        for block in Self.blocks(text) {
            guard let body = block.body, let bytes = Base64Text.decode(body), Self.isSequence(bytes) else {
                throw ToolError(
                    .invalid,
                    "certificate \(encodings.count + 1) of the session is none: PEM text of certificates is wanted")
            }
            bodies.append(body)
            encodings.append(bytes)
        }
        guard !encodings.isEmpty || !text.contains(where: { !$0.isWhitespace }) else {
            throw ToolError(.invalid, "the certificates of the session hold none: PEM text is wanted")
        }
    }

    /// Takes what can be read of a system's bundle.
    init(lenient text: String) {
        for block in Self.blocks(text) {
            guard let body = block.body, let bytes = Base64Text.decode(body), Self.isSequence(bytes) else { continue }
            bodies.append(body)
            encodings.append(bytes)
        }
    }

    /// PEM text of these certificates alone.
    var text: String {
        bodies.map { "\(Self.begin)\n\($0.joined(separator: "\n"))\n\(Self.end)\n" }.joined()
    }

    private struct Block {
        /// Nil when it is no certificate, or not ended.
        var body: [Substring]?
    }

    private static func blocks(_ text: String) -> [Block] {
        var blocks: [Block] = []
        var body: [Substring]?
        for raw in text.split(whereSeparator: \.isNewline) {
            let line = trimmed(raw)
            if line.hasPrefix("-----BEGIN ") {
                if body != nil { blocks.append(Block(body: nil)) }
                body = line == begin ? [] : nil
                if body == nil { blocks.append(Block(body: nil)) }
            } else if line == end, let lines = body {
                blocks.append(Block(body: lines))
                body = nil
            } else if body != nil {
                body?.append(line)
            }
        }
        if body != nil { blocks.append(Block(body: nil)) }
        return blocks
    }

    private static func trimmed(_ line: Substring) -> Substring {
        var line = line.drop { $0 == " " || $0 == "\t" }
        while let last = line.last, last == " " || last == "\t" { line.removeLast() }
        return line
    }

    /// Whether the bytes are one DER SEQUENCE to their end, as every certificate is (X.690 §8.1).
    private static func isSequence(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 4, bytes[0] == 0x30 else { return false }
        guard bytes[1] >= 0x80 else { return Int(bytes[1]) == bytes.count - 2 }
        let octets = Int(bytes[1] & 0x7F)
        guard (1...3).contains(octets), bytes.count > 2 + octets else { return false }
        let length = bytes[2..<2 + octets].reduce(0) { $0 << 8 | Int($1) }
        return length == bytes.count - 2 - octets
    }
}
