/// Checks the bodies that create and update environments and resolves them into stored form (reference api-core §2).
public enum EnvironmentRequest {
    /// A new environment's whole object.
    /// - Throws: ``WireError`` 400 naming the member.
    public static func create(
        _ body: JSON, id: EnvironmentID, at now: Timestamp
    ) throws(WireError) -> (object: JSON, kind: EnvironmentType) {
        var reader = try ObjectReader(body)
        let name = try reader.string("name", length: 1...256)
        let description = try reader.optionalString("description", length: 0...2048).orNil
        let config = try EnvironmentConfig.resolve(reader.field("config").orNil, over: nil)
        let metadata = try Metadata.create(reader.raw("metadata"))
        _ = try SandboxPreferences(metadata: metadata)
        try scope(&reader)
        try reader.finish()
        let kind = config["type"]?.stringValue.flatMap { EnvironmentType(rawValue: $0) } ?? .cloud
        return (
            [
                "type": "environment", "id": .string(id.rawValue), "name": .string(name),
                "description": JSON(description), "config": config, "metadata": metadata, "scope": "organization",
                "created_at": JSON(now), "updated_at": JSON(now), "archived_at": .null,
            ], kind
        )
    }

    /// The object after an update, equal to `current` when nothing changes.
    /// - Throws: ``WireError`` 400 naming the member, or with the codes `environment_archived` and
    ///   `invalid_config_type_change`.
    public static func update(_ current: JSON, with body: JSON) throws(WireError) -> JSON {
        guard current["archived_at"]?.isNull ?? true else {
            throw .invalid(
                "environment \(current["id"]?.stringValue ?? "") is archived and cannot be changed",
                code: "environment_archived")
        }
        var reader = try ObjectReader(body)
        var changed = current
        if let name = try reader.optionalString("name", length: 1...256).orNil { changed["name"] = .string(name) }
        let description = try reader.optionalString("description", length: 0...2048)
        if !description.isAbsent { changed["description"] = JSON(description.orNil) }
        if let config = reader.field("config").orNil {
            changed["config"] = try EnvironmentConfig.resolve(config, over: current["config"])
        }
        changed["metadata"] = try Metadata.apply(
            reader.raw("metadata"), to: current["metadata"] ?? [:], emptyDeletes: true)
        _ = try SandboxPreferences(metadata: changed["metadata"])
        try scope(&reader)
        try reader.finish()
        return changed
    }

    private static func scope(_ reader: inout ObjectReader) throws(WireError) {
        guard let scope = try reader.optionalString("scope").orNil else { return }
        guard scope == "organization" else { throw .invalid("scope: only 'organization' is allowed") }
    }
}
