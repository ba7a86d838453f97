/// An http or https address, as far as a fetch needs it.
struct WebAddress: Equatable {
    private static let maximumLength = 8192

    let scheme: String
    /// Host and port, as written, in lower case.
    let authority: String
    /// Path and query.
    let target: String

    var text: String { "\(scheme)://\(authority)\(target)" }

    /// - Throws: ``ToolError`` for another scheme, spaces or control characters, or credentials in the address.
    init(_ text: String) throws(ToolError) {
        let bytes = text.utf8.prefix { $0 != UInt8(ascii: "#") }
        guard bytes.count <= Self.maximumLength, bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw ToolError(.invalid, "the address is too long or has spaces in it")
        }
        guard let scheme = Self.scheme(of: bytes), ["http", "https"].contains(scheme),
            bytes.dropFirst(scheme.utf8.count + 1).starts(with: "//".utf8)
        else {
            throw ToolError(.invalid, "the address must start with http:// or https://")
        }
        let rest = bytes.dropFirst(scheme.utf8.count + 3)
        let authority = rest.prefix { !"/?\\".utf8.contains($0) }
        self.scheme = scheme
        self.authority = try Self.checked(authority)
        let target = Self.encoded(rest.dropFirst(authority.count))
        self.target = target.hasPrefix("/") ? target : "/" + target
    }

    private init(scheme: String, authority: String, target: String) {
        self.scheme = scheme
        self.authority = authority
        self.target = target
    }

    /// The address that a `Location` or a link means.
    func redirected(to location: String) throws(ToolError) -> WebAddress {
        let bytes = location.utf8.prefix { $0 != UInt8(ascii: "#") }
        if Self.scheme(of: bytes) != nil { return try WebAddress(location) }
        if location.hasPrefix("//") { return try WebAddress("\(scheme):\(location)") }
        // Checked for spaces and length as any other.
        let relative = try WebAddress("\(scheme)://\(authority)/\(location)").target.dropFirst()
        if relative.isEmpty { return self }
        if relative.hasPrefix("/") { return with(String(relative)) }
        let path = target.prefix { $0 != "?" }
        if relative.hasPrefix("?") { return with("\(path)\(relative)") }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
        return with("\(folder)\(relative)")
    }

    private func with(_ target: String) -> WebAddress {
        let path = target.prefix { $0 != "?" }
        return WebAddress(
            scheme: scheme, authority: authority, target: Self.withoutDots(path) + target.dropFirst(path.count))
    }

    /// Takes `.` and `..` out of a path.
    private static func withoutDots(_ path: Substring) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        var kept: [Substring] = []
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            if part == ".." { _ = kept.popLast() } else if part != "." { kept.append(part) }
            if isLast, part == "." || part == ".." { kept.append("") }
        }
        return "/" + kept.joined(separator: "/")
    }

    /// The scheme in lower case; nil when the text has none, as a relative address.
    private static func scheme(of bytes: Substring.UTF8View) -> String? {
        let name = bytes.prefix { byte in
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2B, 0x2D, 0x2E: true
            default: false
            }
        }
        guard !name.isEmpty, bytes.dropFirst(name.count).first == UInt8(ascii: ":") else { return nil }
        return String(decoding: name, as: UTF8.self).lowercased()
    }

    private static func checked(_ authority: Substring.UTF8View) throws(ToolError) -> String {
        guard !authority.contains(UInt8(ascii: "@")) else {
            throw ToolError(.invalid, "the address has credentials in it, which are not sent")
        }
        let isPlain = authority.allSatisfy { byte in
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F: true
            default: false
            }
        }
        guard isPlain, let first = authority.first, first != UInt8(ascii: ":") else {
            throw ToolError(.invalid, "the address has no host, or one that is not written in plain ASCII")
        }
        return String(decoding: authority, as: UTF8.self).lowercased()
    }

    private static func encoded(_ bytes: Substring.UTF8View) -> String {
        var output = ""
        for byte in bytes {
            if byte < 0x7F, !"\"<>\\^`{|}".utf8.contains(byte) {
                output.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                output += "%" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return output
    }
}
