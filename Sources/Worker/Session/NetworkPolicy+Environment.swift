internal import Egress
internal import Sandbox
internal import Wire

extension NetworkPolicy {
    /// Where the common package managers fetch from.
    static var registries: [String] { PackageRegistries.rules }

    /// Where a session's sandbox may connect to.
    ///
    /// The operator's hosts are allowed always. `*` among them does not open a `limited` environment; it permits what the
    /// environment calls `unrestricted`, and it applies to environments that state no rules.
    static func effective(allowedHosts: [String], environment: JSON?) -> NetworkPolicy {
        let named = allowedHosts.filter { $0 != "*" }
        let networking = environment?["networking"] ?? environment?["config"]?["networking"]
        var hosts: [String]
        switch networking?["type"]?.stringValue {
        case "limited":
            let limited = networking?["allowed_hosts"]?.arrayValue?.compactMap { $0.stringValue } ?? []
            hosts = named + limited.filter { $0 != "*" && !named.contains($0) }
            if networking?["allow_package_managers"]?.boolValue == true {
                hosts += PackageRegistries.rules.filter { !hosts.contains($0) }
            }
        case "unrestricted", nil:
            hosts = allowedHosts
        default:
            // Rules that this version cannot read must not open anything.
            hosts = named
        }
        hosts = hosts.filter { !$0.isEmpty }
        return hosts.isEmpty ? .none : .allow(hosts: hosts)
    }
}
