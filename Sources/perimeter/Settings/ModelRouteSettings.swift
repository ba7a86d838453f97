internal import Wire

/// One line of `model.map`: which model ids go to which back end.
struct ModelRouteSettings: Sendable {
    /// A model id, or the beginning of one followed by `*`.
    var id: String
    var provider: String
    var baseURL: String?
    var apiKey: Secret?

    /// Reads the JSON form into which the file and the environment are brought.
    static func read(_ text: String) throws(CommandError) -> [ModelRouteSettings] {
        let json: JSON
        do { json = try JSON(parsing: text) } catch {
            throw CommandError(.usage, "model.map: not a JSON array (\(error))")
        }
        guard let items = json.arrayValue else { throw CommandError(.usage, "model.map: expected a list") }
        var routes: [ModelRouteSettings] = []
        for (index, item) in items.enumerated() {
            guard let object = item.objectValue else {
                throw CommandError(.usage, "model.map[\(index)]: expected keys and values")
            }
            let known = ["id", "provider", "base_url", "api_key"]
            for member in object.members where !known.contains(member.key) {
                throw CommandError(
                    .usage, "unknown setting 'model.map[\(index)].\(member.key)'",
                    remedy: "the keys of a route are \(known.joined(separator: ", "))")
            }
            guard let id = object["id"]?.stringValue, !id.isEmpty else {
                throw CommandError(.usage, "model.map[\(index)].id: a model id is required")
            }
            let provider = object["provider"]?.stringValue ?? "anthropic"
            guard ["anthropic", "rehearsal"].contains(provider) else {
                throw CommandError(.usage, "model.map[\(index)].provider: must be anthropic or rehearsal")
            }
            routes.append(
                ModelRouteSettings(
                    id: id, provider: provider, baseURL: object["base_url"]?.stringValue,
                    apiKey: object["api_key"]?.stringValue.map(Secret.init)))
        }
        return routes
    }
}
