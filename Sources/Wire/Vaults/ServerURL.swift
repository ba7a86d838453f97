/// The address of an MCP server or of a token endpoint: http or https, a host, no user, no fragment.
public struct ServerURL: Hashable, Sendable, CustomStringConvertible {
    /// As it was given.
    public let text: String
    /// Lower-case scheme and host, without a default port and without a slash at the end: two addresses are the same
    /// server when these are equal (reference api-core §6.3).
    public let normalized: String

    public var isSecure: Bool { normalized.hasPrefix("https:") }

    /// - Returns: nil for a text that is no such address.
    public init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }),
            let colon = text.firstRange(of: "://")
        else { return nil }
        let scheme = text[..<colon.lowerBound].lowercased()
        guard scheme == "https" || scheme == "http" else { return nil }
        let rest = text[colon.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        guard let authority = Self.authority(rest[..<end], isSecure: scheme == "https"), !rest[end...].contains("#")
        else { return nil }
        var tail = rest[end...]
        if tail.last == "/" { tail.removeLast() }
        self.text = text
        normalized = "\(scheme)://\(authority)\(tail)"
    }

    /// Host and port in lower case, without a default port; nil for what is none, also with a user name.
    private static func authority(_ text: Substring, isSecure: Bool) -> String? {
        var host = text
        var port = ""
        let afterBracket = text.lastIndex(of: "]") ?? text.startIndex
        if let colon = text[afterBracket...].firstIndex(of: ":") {
            host = text[..<colon]
            let digits = text[text.index(after: colon)...]
            guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(digits), number > 0 else {
                return nil
            }
            port = number == (isSecure ? 443 : 80) ? "" : ":\(number)"
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.count > 2
        let inner = isBracketed ? host.dropFirst().dropLast() : host
        let isHost =
            !inner.isEmpty && inner.utf8.count <= 253
            && inner.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                    || (isBracketed && byte == UInt8(ascii: ":"))
            }
        return isHost ? host.lowercased() + port : nil
    }

    public var description: String { text }
}
