internal import Sandbox
internal import Wire

/// What a hook says about itself: a claim, never taken for more than the operator allows.
struct HookDescription: Equatable, Sendable {
    /// One line for people.
    var boundary: String
    var capabilities: EngineCapabilities

    private static let isolations: [String: EngineCapabilities.Isolation] = [
        "unknown": .unknown, "sharedKernel": .sharedKernel, "userSpaceKernel": .userSpaceKernel,
        "ownKernel": .ownKernel,
    ]
    private static let kept: [String: EngineCapabilities.Kept] = [
        "nothing": .nothing, "files": .files, "processes": .processes, "memory": .memory,
    ]
    private static let bounds: Set<String> = ["memory", "processes", "cpu", "disk"]

    /// Everything that is missing counts as "cannot"; what is there must have the right type.
    init(parsing answer: JSON) throws(SandboxError) {
        guard answer["version"]?.intValue == HookLimits.version else {
            throw Self.violation("its version is not \(HookLimits.version)")
        }
        boundary = String(peer: try Self.text(answer, "boundary") ?? "", limit: 200)
        let isolation = try Self.text(answer, "isolation") ?? "unknown"
        let pause = try Self.text(answer, "pause") ?? "nothing"
        let snapshot = try Self.text(answer, "snapshot") ?? "nothing"
        guard let isolation = Self.isolations[isolation], let pause = Self.kept[pause],
            let snapshot = Self.kept[snapshot]
        else { throw Self.violation("it uses a word that the contract does not have") }
        var capabilities = EngineCapabilities(isolation: isolation, pause: pause, snapshot: snapshot)
        capabilities.images = try Self.flag(answer, "images")
        capabilities.network = try Self.flag(answer, "network")
        switch answer["gpus"] {
        case nil: capabilities.gpus = 0
        case let value?:
            guard let count = value.intValue, (0...64).contains(count) else {
                throw Self.violation("'gpus' is no number from 0 to 64")
            }
            capabilities.gpus = count
        }
        switch answer["bounds"] {
        case nil: capabilities.bounds = []
        case let value?:
            guard let words = value.arrayValue, words.count <= 16 else { throw Self.violation("'bounds' is no list") }
            capabilities.bounds = Self.bounds.intersection(words.compactMap(\.stringValue))
        }
        self.capabilities = capabilities
    }

    /// What holds at most by both: the weaker of each.
    func limited(to ceiling: EngineCapabilities) -> EngineCapabilities {
        EngineCapabilities(
            isolation: min(capabilities.isolation, ceiling.isolation), pause: min(capabilities.pause, ceiling.pause),
            snapshot: min(capabilities.snapshot, ceiling.snapshot), images: capabilities.images && ceiling.images,
            network: capabilities.network && ceiling.network, gpus: min(capabilities.gpus, ceiling.gpus),
            bounds: capabilities.bounds.intersection(ceiling.bounds))
    }

    private static func text(_ answer: JSON, _ name: String) throws(SandboxError) -> String? {
        guard let value = answer[name] else { return nil }
        guard let text = value.stringValue else { throw violation("'\(name)' is no string") }
        return text
    }

    private static func flag(_ answer: JSON, _ name: String) throws(SandboxError) -> Bool {
        guard let value = answer[name] else { return false }
        guard let flag = value.boolValue else { throw violation("'\(name)' is neither true nor false") }
        return flag
    }

    private static func violation(_ reason: String) -> SandboxError {
        SandboxError(.protocolViolation, "the hook's description of itself is not understood: \(reason)")
    }
}

extension EngineCapabilities {
    /// What is known of a hook that has not been asked yet.
    static let none = EngineCapabilities(isolation: .unknown, pause: .nothing, network: false)
}
