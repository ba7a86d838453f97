/// A request for a new session, checked as far as it can be without the store (reference api-core §3.2).
public struct SessionRequest: Sendable {
    public var agentID: String
    /// Nil pins the latest version.
    public var agentVersion: Int?
    public var environmentID: String
    public var title: String?
    public var metadata: JSON
    public var vaultIDs: [VaultID]
    public var initialEvents: [ClientEvent]

    /// - Throws: ``WireError`` 400 naming the member.
    public init(_ body: JSON) throws(WireError) {
        var reader = try ObjectReader(body)
        (agentID, agentVersion) = try Self.agent(try reader.required("agent"))
        environmentID = try reader.string("environment_id", length: 1...128)
        title = try reader.optionalString("title", length: 0...500).orNil
        metadata = try Metadata.create(reader.raw("metadata"))
        _ = try SnapshotName(metadata: metadata)
        vaultIDs = try Self.vaults(&reader)
        initialEvents = try ClientEvent.initial(try reader.optionalArray("initial_events").orNil ?? [])
        if case .value = reader.field("budget") { throw .invalid("budget: not supported by this server; leave it out") }
        try Self.refuse(&reader, "resources", "resources are not supported by this server; leave it out or empty")
        try reader.finish()
    }

    private static func vaults(_ reader: inout ObjectReader) throws(WireError) -> [VaultID] {
        var ids: [VaultID] = []
        for (index, item) in (try reader.optionalArray("vault_ids", count: 0...50).orNil ?? []).enumerated() {
            let label = "vault_ids[\(index)]"
            let text = try ObjectReader.string(item, label, 1...128)
            guard let id = VaultID(text) else { throw .notFound("\(label): no vault with id \(text)") }
            guard !ids.contains(id) else { throw .invalid("\(label): \(id) is given twice") }
            ids.append(id)
        }
        return ids
    }

    private static func refuse(_ reader: inout ObjectReader, _ key: String, _ reason: String) throws(WireError) {
        guard (try reader.optionalArray(key).orNil ?? []).isEmpty else { throw .invalid("\(key): \(reason)") }
    }

    private static func agent(_ json: JSON) throws(WireError) -> (String, Int?) {
        if let id = json.stringValue { return (id, nil) }
        guard json.objectValue != nil else {
            throw .invalid("agent: expected an agent id or an object, got \(json.kindName)")
        }
        var reader = try ObjectReader(json, path: "agent")
        switch try reader.string("type") {
        case "agent":
            let id = try reader.string("id", length: 1...128)
            let version = try reader.optionalInt("version", range: 1...Int(Int32.max)).orNil
            try reader.finish()
            return (id, version)
        case "agent_with_overrides":
            throw .invalid("agent.type: agent_with_overrides is not supported by this server; create an agent instead")
        default: throw .invalid("agent.type: must be 'agent'")
        }
    }
}
