/// What agent requests need to know of models.
public struct ModelCatalogue: Sendable {
    private let defaultEffort: @Sendable (String) -> String?

    /// - Parameter defaultEffort: the effort of a model whose agent names none; nil for a model that is not served.
    public init(defaultEffort: @escaping @Sendable (String) -> String?) { self.defaultEffort = defaultEffort }

    private static let efforts: Set<String> = ["low", "medium", "high", "xhigh", "max"]

    /// Resolves a model id or a `ModelConfig` (reference api-core §1.1, §1.4).
    /// - Parameter current: the stored configuration, whose effort is kept when the id stays and no effort is given.
    public func resolve(_ json: JSON, path: String, keeping current: JSON? = nil) throws(WireError) -> JSON {
        let id: String
        var effort: String?
        var geo: JSON = .null
        var speed = "standard"
        if let text = json.stringValue {
            id = text
        } else {
            guard json.objectValue != nil else {
                throw .invalid("\(path): expected a model id or an object, got \(json.kindName)")
            }
            var reader = try ObjectReader(json, path: path)
            id = try reader.string("id", length: 1...256)
            if case .value(let value) = reader.field("effort") {
                guard let name = value.stringValue ?? value["type"]?.stringValue, Self.efforts.contains(name) else {
                    throw .invalid("\(path).effort: must be low, medium, high, xhigh or max")
                }
                effort = name
            }
            geo = try reader.optionalString("inference_geo", length: 1...64).orNil.map(JSON.string) ?? .null
            if let name = try reader.optionalString("speed").orNil {
                guard name == "standard" || name == "fast" else {
                    throw .invalid("\(path).speed: must be standard or fast")
                }
                speed = name
            }
            try reader.finish()
        }
        guard let standard = defaultEffort(id) else {
            throw .invalid("\(path): no model '\(id.prefix(128))' is served here; GET /v1/models lists them")
        }
        let kept = current?["id"] == .string(id) ? current?["effort"]?["type"]?.stringValue : nil
        return [
            "id": .string(id), "effort": ["type": .string(effort ?? kept ?? standard)], "inference_geo": geo,
            "speed": .string(speed),
        ]
    }
}
