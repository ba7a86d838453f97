/// The certificates of a PEM text (RFC 7468), each once read and known to be one DER object.
struct CertificateList: Equatable {
    private(set) var encodings: [[UInt8]] = []
    /// PEM text of these certificates alone.
    private(set) var text: [UInt8] = []

    private static let begin = Array("-----BEGIN CERTIFICATE-----".utf8)
    private static let end = Array("-----END CERTIFICATE-----".utf8)
    private static let anyBegin = Array("-----BEGIN ".utf8)
    private static let newline = UInt8(ascii: "\n")

    /// Takes a session's text, which must hold certificates and nothing else but comments between them.
    /// - Throws: `.invalid` for any other object, such as a key that somebody put there by mistake.
    init(strict text: String) throws(ToolError) {
        let bytes = Array(text.utf8)
        guard take(bytes) else {
            throw ToolError(
                .invalid,
                "certificate \(encodings.count + 1) of the session is none: PEM text of certificates is wanted")
        }
        guard !encodings.isEmpty || bytes.allSatisfy(Self.isSpace) else {
            throw ToolError(.invalid, "the certificates of the session hold none: PEM text is wanted")
        }
    }

    /// Takes what can be read of a system's bundle.
    init(lenient bytes: [UInt8]) { _ = take(bytes, isLenient: true) }

    /// - Returns: false at the first object that is no certificate, unless such are passed over.
    private mutating func take(_ bytes: [UInt8], isLenient: Bool = false) -> Bool {
        var body: [ArraySlice<UInt8>]?
        for raw in bytes.split(whereSeparator: { $0 == Self.newline || $0 == UInt8(ascii: "\r") }) {
            let line = Self.trimmed(raw)
            if line.starts(with: Self.anyBegin) {
                let isCertificate = line.elementsEqual(Self.begin)
                guard isLenient || (body == nil && isCertificate) else { return false }
                body = isCertificate ? [] : nil
            } else if let lines = body, line.elementsEqual(Self.end) {
                guard add(lines) || isLenient else { return false }
                body = nil
            } else {
                body?.append(line)
            }
        }
        return body == nil
    }

    private mutating func add(_ lines: [ArraySlice<UInt8>]) -> Bool {
        guard let encoding = Base64Text.decode(lines), Self.isSequence(encoding) else { return false }
        encodings.append(encoding)
        for line in [Self.begin[...]] + lines + [Self.end[...]] {
            text += line
            text.append(Self.newline)
        }
        return true
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line.drop(while: isSpace)
        while let last = line.last, isSpace(last) { line.removeLast() }
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
