internal import Sandbox
internal import Wire

/// The objects that a hook is given. Pure.
enum HookRequest {
    static func plain(_ owner: String) -> JSON {
        ["version": JSON(HookLimits.version), "owner": JSON(owner)]
    }

    static func about(_ id: SandboxID, _ owner: String) -> JSON {
        var request = plain(owner)
        request["id"] = JSON(id.rawValue)
        return request
    }

    static func snapshot(_ name: SnapshotID, of id: SandboxID?, _ owner: String) -> JSON {
        var request = id.map { about($0, owner) } ?? plain(owner)
        request["snapshot"] = JSON(name.rawValue)
        return request
    }

    static func create(_ spec: SandboxSpec, token: ExecdToken, _ owner: String) -> JSON {
        let limits = spec.limits
        var request = about(spec.id, owner)
        request["token"] = JSON(token.exposed)
        request["proxyPort"] = JSON(spec.network == .none ? 0 : HookLimits.proxyPort)
        request["limits"] = [
            "memoryBytes": JSON(limits.memoryBytes), "processes": JSON(limits.processes),
            "cpuPercent": JSON(limits.cpuPercent), "diskBytes": JSON(limits.diskBytes),
            "outputBytes": JSON(limits.outputBytes),
        ]
        request["gpus"] = JSON(spec.gpus)
        switch spec.source {
        case .engineDefault: break
        case .image(let name): request["image"] = JSON(name)
        case .snapshot(let name): request["snapshot"] = JSON(name.rawValue)
        }
        return request
    }

    /// The ids in the answer to `list`.
    static func sandboxes(_ answer: JSON?) throws(SandboxError) -> [SandboxID] {
        guard let names = answer?["sandboxes"]?.arrayValue, names.count <= HookLimits.names else {
            throw SandboxError(.protocolViolation, "the hook answered 'list' with no list of 'sandboxes'")
        }
        let ids = names.compactMap { $0.stringValue.flatMap { SandboxID($0) } }
        guard ids.count == names.count else {
            throw SandboxError(.protocolViolation, "the hook lists names that no sandbox has")
        }
        return ids
    }

    static func snapshots(
        _ answer: JSON?, keeping: EngineCapabilities.Kept
    ) throws(SandboxError) -> [Snapshot] {
        let violation = SandboxError(.protocolViolation, "the hook answered 'snapshots' with no list of them")
        guard let entries = answer?["snapshots"]?.arrayValue, entries.count <= HookLimits.names else {
            throw violation
        }
        return try entries.map { (entry) throws(SandboxError) in
            guard let id = entry["id"]?.stringValue.flatMap({ SnapshotID($0) }),
                let bytes = entry["bytes"]?.intValue, bytes >= 0,
                let createdAt = entry["createdAt"]?.intValue, createdAt >= 0
            else { throw violation }
            return Snapshot(id: id, bytes: bytes, createdAt: createdAt, keeps: keeping)
        }.sorted { $0.createdAt > $1.createdAt }
    }
}
