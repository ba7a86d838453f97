/// The `auth` of kind `environment_variable`.
enum VariableCredential {
    /// Variables with which a sandbox itself works: a placeholder in one of them would break or open it.
    private static let reserved: Set<String> = [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TMPDIR", "PWD", "IFS", "ENV", "BASH_ENV", "SHELLOPTS",
        "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
    ]
    private static let reservedPrefixes = ["LD_", "BASH_FUNC_", "PERIMETER_"]

    static func create(_ reader: inout ObjectReader) throws(WireError) -> CredentialAuth {
        let name = try name(&reader)
        let value = try SecretField.required(&reader, "secret_value", .value)
        let networking = try networking(try reader.required("networking"))
        let location: JSON
        switch reader.raw("injection_location") {
        case nil: location = ["header": true, "body": true]
        case let given?: location = try self.location(given, over: ["header": false, "body": false])
        }
        return CredentialAuth(
            key: .variable(name),
            shown: [
                "type": "environment_variable", "secret_name": .string(name), "networking": networking,
                "injection_location": location,
            ], secrets: CredentialSecrets(value: value))
    }

    static func update(
        _ shown: inout JSON, _ reader: inout ObjectReader
    ) throws(WireError) -> CredentialSecrets.Change {
        let value = try SecretField.optional(&reader, "secret_value", .value)
        if let networking = reader.field("networking").orNil { shown["networking"] = try self.networking(networking) }
        if let given = reader.raw("injection_location") {
            shown["injection_location"] = try location(given, over: shown["injection_location"] ?? [:])
        }
        return CredentialSecrets.Change(value: value)
    }

    private static func name(_ reader: inout ObjectReader) throws(WireError) -> String {
        let name = try reader.string("secret_name", length: 1...255)
        let isName =
            name.utf8.first.map { !(0x30...0x39).contains($0) } ?? false
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "_")
            }
        guard isName else {
            throw .invalid("auth.secret_name: must be letters, digits and _, not beginning with a digit")
        }
        let upper = name.uppercased()
        guard !reserved.contains(upper), !reservedPrefixes.contains(where: { upper.hasPrefix($0) }) else {
            throw .invalid("auth.secret_name: '\(name)' belongs to the sandbox itself; use another name")
        }
        return name
    }

    private static func networking(_ json: JSON) throws(WireError) -> JSON {
        var reader = try ObjectReader(json, path: "auth.networking")
        let networking: JSON
        switch try reader.string("type") {
        case "unrestricted": networking = ["type": "unrestricted"]
        case "limited":
            let label = reader.name("allowed_hosts")
            guard let hosts = try reader.optionalArray("allowed_hosts", count: 1...16).orNil else {
                throw .invalid("\(label): field required")
            }
            for (index, host) in hosts.enumerated() { try EnvironmentConfig.check(host, "\(label)[\(index)]") }
            networking = ["type": "limited", "allowed_hosts": .array(hosts)]
        default: throw .invalid("auth.networking.type: must be 'unrestricted' or 'limited'")
        }
        try reader.finish()
        return networking
    }

    /// - Parameter current: what members that are left out have.
    private static func location(_ json: JSON, over current: JSON) throws(WireError) -> JSON {
        let path = "auth.injection_location"
        var reader = try ObjectReader(json, path: path)
        var location = current
        for key in ["header", "body"] {
            switch try reader.optionalBool(key) {
            case .absent: break
            case .null: throw .invalid("\(path).\(key): expected a boolean, got null")
            case .value(let flag): location[key] = .bool(flag)
            }
        }
        try reader.finish()
        guard location["header"] == true || location["body"] == true else {
            throw .invalid("\(path): header or body must be true")
        }
        return location
    }
}
