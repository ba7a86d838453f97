/// Checks `mcp_servers` of an agent (reference api-core §1.2).
enum MCPServerRequest {
    static func resolve(_ json: JSON?) throws(WireError) -> JSON {
        guard let json else { return [] }
        guard let items = json.arrayValue else {
            throw .invalid("mcp_servers: expected an array, got \(json.kindName)")
        }
        guard items.count <= 20 else { throw .invalid("mcp_servers: at most 20 servers are allowed") }
        var names = Set<String>()
        var servers: [JSON] = []
        for (index, item) in items.enumerated() {
            let path = "mcp_servers[\(index)]"
            var reader = try ObjectReader(item, path: path)
            guard try reader.string("type") == "url" else { throw .invalid("\(path).type: must be 'url'") }
            let name = try reader.string("name", length: 1...255)
            let url = try reader.string("url", length: 1...2048)
            try reader.finish()
            guard names.insert(name).inserted else { throw .invalid("\(path).name: '\(name)' is used twice") }
            guard url.hasPrefix("https://") || url.hasPrefix("http://"), !url.contains(where: \.isWhitespace) else {
                throw .invalid("\(path).url: must be an http or https URL")
            }
            servers.append(["type": "url", "name": .string(name), "url": .string(url)])
        }
        return .array(servers)
    }
}
