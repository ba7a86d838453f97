/// The `config` of an environment, resolved (reference api-core §2.1–2.2).
enum EnvironmentConfig {
    static let managers = ["apt", "cargo", "gem", "go", "npm", "pip"]

    /// - Parameter current: the stored configuration of an update; its parts stay where `json` has none.
    static func resolve(_ json: JSON?, over current: JSON?) throws(WireError) -> JSON {
        guard let json else {
            return current ?? ["type": "cloud", "networking": ["type": "unrestricted"], "packages": complete([:])]
        }
        var reader = try ObjectReader(json, path: "config")
        let type = try reader.string("type")
        guard let kind = EnvironmentType(rawValue: type) else {
            throw .invalid("config.type: must be 'cloud' or 'self_hosted'")
        }
        if let before = current?["type"]?.stringValue, before != type {
            throw .invalid(
                "config.type: cannot change from '\(before)' to '\(type)'; create another environment",
                code: "invalid_config_type_change")
        }
        guard kind == .cloud else {
            try reader.finish()
            return ["type": "self_hosted"]
        }
        let networking =
            try reader.field("networking").orNil.map(network)
            ?? current?["networking"] ?? ["type": "unrestricted"]
        let packages: JSON =
            if let given = reader.field("packages").orNil {
                try merged(given, over: current?["packages"])
            } else {
                current?["packages"] ?? complete([:])
            }
        try reader.finish()
        if networking["type"] == "limited", networking["allow_package_managers"] != true,
            managers.contains(where: { !(packages[$0]?.arrayValue ?? []).isEmpty })
        {
            throw .invalid(
                "config.packages: packages need networking.allow_package_managers when networking is limited")
        }
        return ["type": "cloud", "networking": networking, "packages": packages]
    }

    private static func network(_ json: JSON) throws(WireError) -> JSON {
        let path = "config.networking"
        var reader = try ObjectReader(json, path: path)
        switch try reader.string("type") {
        case "unrestricted":
            try reader.finish()
            return ["type": "unrestricted"]
        case "limited":
            let servers = try reader.optionalBool("allow_mcp_servers").orNil ?? false
            let managers = try reader.optionalBool("allow_package_managers").orNil ?? false
            let hosts = try reader.optionalArray("allowed_hosts", count: 0...1000).orNil ?? []
            for (index, host) in hosts.enumerated() { try check(host, "\(path).allowed_hosts[\(index)]") }
            try reader.finish()
            return [
                "type": "limited", "allow_mcp_servers": .bool(servers), "allow_package_managers": .bool(managers),
                "allowed_hosts": .array(hosts),
            ]
        default: throw .invalid("\(path).type: must be 'unrestricted' or 'limited'")
        }
    }

    /// A bare host, an IPv4 address, or `*.host`.
    static func check(_ json: JSON, _ label: String) throws(WireError) {
        let text = try ObjectReader.string(json, label, 1...253)
        let host = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
        let isPlain =
            !host.isEmpty
            && host.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            }
        guard isPlain else { throw .invalid("\(label): must be a bare host or *.host, without scheme, port or path") }
    }

    private static func merged(_ json: JSON, over current: JSON?) throws(WireError) -> JSON {
        let path = "config.packages"
        var reader = try ObjectReader(json, path: path)
        if let type = try reader.optionalString("type").orNil, type != "packages" {
            throw .invalid("\(path).type: must be 'packages'")
        }
        var lists: JSON.Object = [:]
        for manager in managers {
            guard let items = try reader.optionalArray(manager, count: 0...1000).orNil else {
                lists[manager] = current?[manager]
                continue
            }
            for (index, item) in items.enumerated() {
                _ = try ObjectReader.string(item, "\(path).\(manager)[\(index)]", 1...256)
            }
            lists[manager] = .array(items)
        }
        try reader.finish()
        return complete(lists)
    }

    private static func complete(_ lists: JSON.Object) -> JSON {
        var packages: JSON = ["type": "packages"]
        for manager in managers { packages[manager] = lists[manager] ?? [] }
        return packages
    }
}
