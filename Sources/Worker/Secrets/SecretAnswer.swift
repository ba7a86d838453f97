internal import Sandbox
internal import Wire

/// What our server answers about a session's secrets.
struct SecretAnswer {
    var revision: String
    var bindings: [SecretBinding]

    /// Nil for what cannot be read as a whole. Rules that this version does not know close a binding instead of opening it.
    init?(_ json: JSON) {
        guard let revision = json["revision"]?.stringValue, let items = json["secrets"]?.arrayValue else { return nil }
        self.revision = revision
        bindings = []
        for item in items {
            guard let variable = item["variable"]?.stringValue, let placeholder = item["placeholder"]?.stringValue,
                placeholder.utf8.count >= Self.shortestPlaceholder, let value = item["value"]?.stringValue,
                let credential = item["credential_id"]?.stringValue
            else { return nil }
            bindings.append(
                SecretBinding(
                    variable: variable, placeholder: placeholder, secret: SecretValue(value),
                    hosts: Self.hosts(item["networking"]),
                    appliesToHeaders: item["injection_location"]?["header"]?.boolValue ?? false,
                    appliesToBody: item["injection_location"]?["body"]?.boolValue ?? false, credential: credential))
        }
    }

    /// A shorter one could stand in a request by chance.
    private static let shortestPlaceholder = 32

    private static func hosts(_ networking: JSON?) -> SecretBinding.Hosts {
        switch networking?["type"]?.stringValue {
        case "unrestricted": .any
        case "limited": .only(networking?["allowed_hosts"]?.arrayValue?.compactMap { $0.stringValue } ?? [])
        default: .only([])
        }
    }
}
