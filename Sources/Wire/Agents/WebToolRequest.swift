/// Checks the extra members of `web_fetch` and `web_search` configurations (reference api-core §1.2).
enum WebToolRequest {
    static func apply(
        _ reader: inout ObjectReader, to resolved: inout JSON, _ tool: BuiltinTool, _ path: String
    ) throws(WireError) {
        let allowed = try domains(&reader, "allowed_domains", tool, path)
        let blocked = try domains(&reader, "blocked_domains", tool, path)
        if !allowed.isNull, !blocked.isNull {
            throw .invalid("\(path): give allowed_domains or blocked_domains, not both")
        }
        resolved["allowed_domains"] = allowed
        resolved["blocked_domains"] = blocked
        switch tool {
        case .webFetch:
            resolved["max_content_tokens"] =
                try reader.optionalInt("max_content_tokens", range: 1...Int(Int32.max)).orNil.map { JSON($0) } ?? .null
            if case .value = reader.field("url_sources") {
                throw .invalid("\(path).url_sources: not supported by this server; leave it out")
            }
        default:
            if case .value = reader.field("user_location") {
                throw .invalid("\(path).user_location: not supported by this server; leave it out")
            }
        }
    }

    private static func domains(
        _ reader: inout ObjectReader, _ key: String, _ tool: BuiltinTool, _ path: String
    ) throws(WireError) -> JSON {
        guard let items = try reader.optionalArray(key, count: 1...64).orNil else { return .null }
        for (index, item) in items.enumerated() {
            let label = "\(path).\(key)[\(index)]"
            let text = try ObjectReader.string(item, label, 1...255)
            let host = text.prefix { $0 != "/" }
            guard !text.contains("://"), !host.contains(":"), !host.isEmpty,
                text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else {
                throw .invalid(
                    "\(label): must be a bare host name without scheme or port; write other scripts in punycode")
            }
            guard tool == .webSearch || host.endIndex == text.endIndex else {
                throw .invalid("\(label): a path is not allowed for web_fetch")
            }
        }
        return .array(items)
    }
}
