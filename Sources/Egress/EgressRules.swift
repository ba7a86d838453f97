internal import Sandbox

/// What a sandbox may reach: the rules of its policy, and which of them the operator vouches for. Pure.
struct EgressRules: Sendable {
    enum Verdict: Equatable, Sendable {
        /// The rules that let the host pass; what addresses they cover is decided once the name is looked up.
        case allowed([HostRule])
        /// A whole sentence that names the host and the rule.
        case denied(String)
    }

    private let rules: [HostRule]
    /// Entries of the policy that are no rules. They match nothing, and denials say so.
    let unusable: [String]
    private let trusted: Set<HostRule>?
    private let ports: Set<Int>

    /// - Parameters:
    ///   - trusted: the rules that may lead to addresses that are not public; nil for all of the policy.
    ///   - ports: for rules without a port.
    init(_ policy: NetworkPolicy, trusted: [String]?, ports: Set<Int>) {
        switch policy {
        case .none: (rules, unusable) = ([], [])
        case .allow(let hosts):
            rules = hosts.compactMap { HostRule($0) }
            unusable = hosts.filter { HostRule($0) == nil }
        }
        self.trusted = trusted.map { Set($0.compactMap { HostRule($0) }) }
        self.ports = ports
    }

    func verdict(on host: HostName, port: Int) -> Verdict {
        let matching = rules.filter { $0.matches(host) }
        guard !matching.isEmpty else { return .denied("The sandbox may not reach \(host): \(reason).") }
        let open = matching.filter { $0.port.map { $0 == port } ?? ports.contains(port) }
        guard open.isEmpty else { return .allowed(open) }
        let allowed = Set(matching.flatMap { $0.port.map { [$0] } ?? Array(ports) }).sorted()
        return .denied(
            "The sandbox may not reach \(host) on port \(port): the rule '\(matching[0])' allows only "
                + "port \(allowed.map(String.init).joined(separator: ", ")).")
    }

    /// The addresses among the answers for a host that may be dialled under these rules.
    func reachable(_ answers: [IPAddress], under rules: [HostRule]) -> [IPAddress] {
        answers.filter { address in
            let kind = AddressPolicy.kind(of: address)
            return rules.contains { rule in
                kind == .public ? rule.covers(kind) : rule.covers(kind) && trusted?.contains(rule) ?? true
            }
        }
    }

    /// Why a host whose name is allowed is refused for its addresses. A whole sentence.
    func refusal(of host: HostName, under rules: [HostRule], answers: [IPAddress]) -> String {
        let rule = rules.first.map { "the rule '\($0)'" } ?? "no rule"
        let kind = answers.first.map { AddressPolicy.kind(of: $0) } ?? .reserved
        let reason = kind.mayBeNamed ? "and \(rule) allows only public ones" : "which \(rule) cannot open"
        return "The sandbox may not reach \(host): its address is \(kind.rawValue), \(reason)."
    }

    private var reason: String {
        guard !rules.isEmpty || !unusable.isEmpty else { return "its network policy allows no host" }
        guard let first = unusable.first else { return "no rule of its network policy allows this host" }
        return "no rule of its network policy allows this host, and '\(first.prefix(64))' in it is not a rule"
    }
}
