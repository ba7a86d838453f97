/// Which paths of a host a rule is about: `*` stands for any run of characters, everything else for itself.
public struct PathPattern: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private let pieces: [[UInt8]]

    /// - Parameter text: starts with `/`; visible ASCII without `?` and `#`, for a rule is about paths alone.
    init?(_ text: some StringProtocol) {
        guard text.hasPrefix("/"), text.utf8.count <= 1024,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }),
            let plain = Self.canonical(text)
        else { return nil }
        description = String(text)
        pieces = plain.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    /// Whether the path is one of these; nil where two servers could understand it differently.
    func matches(_ target: some StringProtocol) -> Bool? {
        guard let path = Self.canonical(target.prefix { $0 != "?" && $0 != "#" }) else { return nil }
        guard let head = pieces.first, let tail = pieces.last else { return false }
        guard pieces.count > 1 else { return path == head }
        guard path.count >= head.count + tail.count, path.starts(with: head),
            path.suffix(tail.count).elementsEqual(tail)
        else { return false }
        var rest = path[head.count..<(path.count - tail.count)]
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let found = Self.find(piece, in: rest) else { return false }
            rest = rest[(found + piece.count)...]
        }
        return true
    }

    private static func find(_ piece: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= piece.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - piece.count)).first { bytes[$0...].starts(with: piece) }
    }

    /// The path with every escape that stands for a plain character taken away (RFC 3986 §6.2.2).
    /// - Returns: nil for what servers are known to read differently: dot segments, empty segments, backslashes, escaped
    ///   slashes, controls, and parameters of a segment.
    private static func canonical(_ text: some StringProtocol) -> [UInt8]? {
        var path: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                guard byte != UInt8(ascii: "\\"), byte != UInt8(ascii: ";") else { return nil }
                path.append(byte)
                continue
            }
            guard let high = bytes.popFirst().flatMap(digit), let low = bytes.popFirst().flatMap(digit) else {
                return nil
            }
            let value = high << 4 | low
            switch value {
            case 0..<0x20, 0x7F, UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "%"), UInt8(ascii: ";"): return nil
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                path.append(value)
            default:
                path += Array("%\(String(value, radix: 16, uppercase: true).count == 1 ? "0" : "")".utf8)
                path += Array(String(value, radix: 16, uppercase: true).utf8)
            }
        }
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard segments.first?.isEmpty == true else { return nil }
        let dots: [[UInt8]] = [Array(".".utf8), Array("..".utf8)]
        for segment in segments.dropFirst().dropLast() where segment.isEmpty { return nil }
        return segments.contains { dots.contains(Array($0)) } ? nil : path
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map(UInt8.init)
    }
}
