/// An http or https address, as far as a fetch needs it.
struct WebAddress: Equatable {
    let text: String
    let scheme: String
    let authority: String

    /// - Throws: ``ToolError`` for another scheme, spaces or control characters, or credentials in the address.
    init(_ text: String) throws(ToolError) {
        let trimmed = String(text.prefix { $0 != "#" })
        guard trimmed.utf8.count <= 8192, trimmed.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw ToolError(.invalid, "the address is too long or has spaces in it")
        }
        guard let end = trimmed.range(of: "://"), ["http", "https"].contains(trimmed[..<end.lowerBound].lowercased())
        else {
            throw ToolError(.invalid, "the address must start with http:// or https://")
        }
        scheme = trimmed[..<end.lowerBound].lowercased()
        authority = String(trimmed[end.upperBound...].prefix { $0 != "/" && $0 != "?" })
        guard !authority.isEmpty, !authority.contains("@") else {
            throw ToolError(.invalid, "the address has no host, or credentials in it")
        }
        let rest = trimmed[end.upperBound...].dropFirst(authority.count)
        self.text = "\(scheme)://\(authority)" + (rest.hasPrefix("/") ? String(rest) : "/" + rest)
    }

    /// The address that a `Location` means.
    func redirected(to location: String) throws(ToolError) -> WebAddress {
        if location.range(of: "://") != nil { return try WebAddress(location) }
        if location.hasPrefix("//") { return try WebAddress("\(scheme):\(location)") }
        if location.hasPrefix("/") { return try WebAddress("\(scheme)://\(authority)\(location)") }
        let path = text.prefix { $0 != "?" }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? path[...]
        return try WebAddress(folder + location)
    }
}

extension String {
    /// The first place of a short text; the standard library has this for collections only beyond what a daemon may link.
    fileprivate func range(of part: String) -> Range<Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(part), let end = self.index(index, offsetBy: part.count, limitedBy: endIndex) {
                return index..<end
            }
            index = self.index(after: index)
        }
        return nil
    }
}
