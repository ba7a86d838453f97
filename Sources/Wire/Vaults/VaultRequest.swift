/// Checks the bodies that create and update vaults (reference api-core §6).
public enum VaultRequest {
    /// A new vault's whole object.
    /// - Throws: ``WireError`` 400 naming the member.
    public static func create(_ body: JSON, id: VaultID, at now: Timestamp) throws(WireError) -> JSON {
        var reader = try ObjectReader(body)
        let name = try reader.string("display_name", length: 1...255)
        let metadata = try Metadata.create(reader.raw("metadata"))
        try reader.finish()
        return [
            "type": "vault", "id": .string(id.rawValue), "display_name": .string(name), "metadata": metadata,
            "created_at": JSON(now), "updated_at": JSON(now), "archived_at": .null,
        ]
    }

    /// The object after an update, equal to `current` when nothing changes.
    /// - Throws: ``WireError`` 400 naming the member, or for an archived vault.
    public static func update(_ current: JSON, with body: JSON) throws(WireError) -> JSON {
        guard current["archived_at"]?.isNull ?? true else {
            throw .invalid("vault \(current["id"]?.stringValue ?? "") is archived and cannot be changed")
        }
        var reader = try ObjectReader(body)
        var changed = current
        if let name = try reader.optionalString("display_name", length: 1...255).orNil {
            changed["display_name"] = .string(name)
        }
        changed["metadata"] = try Metadata.apply(
            reader.raw("metadata"), to: current["metadata"] ?? [:], emptyDeletes: false)
        try reader.finish()
        return changed
    }
}
