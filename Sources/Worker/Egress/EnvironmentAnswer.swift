internal import Egress
internal import Wire

/// What our server answers about the environment of a session.
struct EnvironmentAnswer: Equatable {
    var revision: String
    /// The environment's configuration; one that cannot be read opens nothing.
    var config: JSON
    /// What requests of its sandboxes must not hold.
    var leaks: [LeakRule]
    var isArchived: Bool

    /// Nil for what cannot be read as a whole.
    init?(_ json: JSON) {
        guard let revision = json["revision"]?.stringValue, let config = json["environment"], config.objectValue != nil,
            let isArchived = json["archived"]?.boolValue, let sandbox = json["sandbox"],
            let preferences = try? SandboxPreferences(metadata: sandbox)
        else { return nil }
        self.revision = revision
        self.config = config
        leaks = LeakRule.rules(of: preferences)
        self.isArchived = isArchived
    }
}
