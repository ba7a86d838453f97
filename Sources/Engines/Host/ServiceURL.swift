internal import Glibc

/// The address of a service that an engine speaks to: `http` or `https`, a host, a port, and the path before every request's.
struct ServiceURL: Equatable, Sendable, CustomStringConvertible {
    var isSecure: Bool
    /// Without brackets.
    var host: String
    var port: Int
    /// Empty, or with a leading and without a trailing slash.
    var path: String

    /// Nil for anything but an absolute `http` or `https` URL without user, query and fragment.
    init?(_ text: String) {
        guard let mark = text.firstRange(of: "://"), text.utf8.count <= 2048,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        switch text[..<mark.lowerBound].lowercased() {
        case "http": isSecure = false
        case "https": isSecure = true
        default: return nil
        }
        let rest = text[mark.upperBound...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        guard !rest.contains(where: { "?#@\\\"<>".contains($0) }),
            let (host, port) = Self.authority(rest[..<slash])
        else { return nil }
        self.host = host
        self.port = port ?? (isSecure ? 443 : 80)
        path = String(rest[slash...])
        while path.hasSuffix("/") { path.removeLast() }
    }

    private static func authority(_ text: Substring) -> (String, Int?)? {
        let host: Substring
        var rest: Substring
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            guard host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
        } else {
            host = text.prefix { $0 != ":" }
            rest = text[host.endIndex...]
            guard host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_" }) else {
                return nil
            }
        }
        guard !host.isEmpty else { return nil }
        guard rest.popFirst() != nil else { return (String(host), nil) }
        guard let port = UInt16(rest), port > 0, text.contains(":") else { return nil }
        return (String(host), Int(port))
    }

    /// As a `Host` field states it.
    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
    var description: String { "\(isSecure ? "https" : "http")://\(authority)\(path)" }

    /// Whether it stays on this machine.
    var isLoopback: Bool {
        var address = in_addr()
        // By its number: a name that begins like one leads anywhere.
        let isNumber = inet_pton(AF_INET, host, &address) == 1
        return host == "localhost" || host == "::1" || isNumber && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }

    /// A text as one value of a query (RFC 3986: everything but unreserved characters is escaped).
    static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { result, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
    }
}
