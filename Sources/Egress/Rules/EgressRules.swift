internal import Sandbox

/// What a sandbox may reach: the rules of its policy, and which of them the operator vouches for. Pure.
struct EgressRules: Sendable {
    /// What the gate knows of a request once it sees it.
    struct Request: Equatable, Sendable {
        var method: String
        var scheme: EgressRule.Scheme
        var path: String
    }

    enum Verdict: Equatable, Sendable {
        /// The rules that let the host pass; what addresses they cover is decided once the name is looked up.
        case allowed([EgressRule])
        /// As `allowed`, but each request must be seen and asked about again.
        case inspected([EgressRule])
        /// A whole sentence that names the host and the rule.
        case denied(String)
    }

    private let grants: [EgressRule]
    private let denials: [EgressRule]
    /// Entries of the policy that are no rules. They match nothing, and denials say so.
    let unusable: [String]
    private let trusted: Set<EgressRule>?
    private let ports: Set<Int>

    /// - Parameters:
    ///   - trusted: the rules that may lead to addresses that are not public; nil for all of the policy.
    ///   - ports: for rules without a port.
    init(_ policy: NetworkPolicy, trusted: [String]?, ports: Set<Int>) {
        let entries =
            switch policy {
            case .none: [String]()
            case .allow(let hosts): hosts
            }
        let rules = entries.compactMap { EgressRule($0) }
        grants = rules.filter { !$0.isDenial }
        denials = rules.filter { $0.isDenial }
        unusable = entries.filter { EgressRule($0) == nil }
        self.trusted = trusted.map { Set($0.compactMap { EgressRule($0) }) }
        self.ports = ports
    }

    /// Whether some rule asks about more than hosts and ports.
    var needInspection: Bool { (grants + denials).contains { $0.needsInspection } }

    /// The verdict over a connection whose content is not seen yet.
    func verdict(on host: HostName, port: Int) -> Verdict {
        let refusing = denials.filter { $0.matches(host) && $0.ports?.contains(port) ?? true }
        if let denial = refusing.first(where: { !$0.needsInspection }) { return .denied(refusal(host, by: denial)) }
        let matching = grants.filter { $0.matches(host) }
        guard !matching.isEmpty else { return .denied("The sandbox may not reach \(host): \(reason).") }
        let open = matching.filter { isOpen($0, port) }
        guard !open.isEmpty else {
            return .denied(
                "The sandbox may not reach \(host) on port \(port): the rule '\(matching[0])' allows only "
                    + "\(portText(matching)).")
        }
        let free = open.filter { !$0.needsInspection }
        return refusing.isEmpty && !free.isEmpty ? .allowed(free) : .inspected(open)
    }

    /// The verdict over a request that was seen; never `inspected`.
    func verdict(on host: HostName, port: Int, _ request: Request) -> Verdict {
        let open: [EgressRule]
        switch verdict(on: host, port: port) {
        case .denied(let sentence): return .denied(sentence)
        case .allowed(let rules): return .allowed(rules)
        case .inspected(let rules): open = rules
        }
        // A path that servers may read differently counts as denied by every rule about paths, and as allowed by none.
        let denial = denials.first { rule in
            rule.matches(host) && rule.ports?.contains(port) ?? true && takes(rule, request)
                && rule.path?.matches(request.path) ?? true
        }
        if let denial { return .denied(refusal(host, by: denial)) }
        let fitting = open.filter { takes($0, request) && $0.path.map { $0.matches(request.path) ?? false } ?? true }
        guard fitting.isEmpty else { return .allowed(fitting) }
        let rules = open.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
        let path = request.path.prefix { $0 != "?" }.prefix(128)
        return .denied(
            "The sandbox may not send \(request.method) \(request.scheme)://\(host)\(path): of this host its network policy "
                + "allows only \(rules).")
    }

    /// The verdict over a request in the form in which the gate sees it.
    func verdict(on request: ProxyRequest) -> Verdict {
        switch request.form {
        case .tunnel: verdict(on: request.host, port: request.port)
        case .forward(let isSecure):
            verdict(
                on: request.host, port: request.port,
                Request(method: request.method, scheme: isSecure ? .https : .http, path: request.path))
        }
    }

    /// Whether a request may go on that is carried already: as it is, without being looked into.
    func allow(_ request: ProxyRequest) -> Bool {
        if case .allowed = verdict(on: request) { true } else { false }
    }

    /// The ports of a host that some rule opens, at most so many: those of narrow rules, and of wide ones the gate's own.
    func ports(of host: HostName, limit: Int) -> [Int] {
        var found: [Int] = []
        for rule in grants where rule.matches(host) {
            let range = rule.ports ?? 1...65535
            let isNarrow = rule.ports != nil && range.count <= limit
            for port in isNarrow ? Array(range) : ports.filter(range.contains) where !found.contains(port) {
                guard case .denied = verdict(on: host, port: port) else {
                    found.append(port)
                    continue
                }
            }
        }
        return Array(found.sorted { (ports.contains($0) ? 0 : 1, $0) < (ports.contains($1) ? 0 : 1, $1) }.prefix(limit))
    }

    /// The addresses among the answers for a host that may be dialled under these rules.
    func reachable(_ answers: [IPAddress], port: Int, under rules: [EgressRule]) -> [IPAddress] {
        answers.filter { address in
            guard !denials.contains(where: { $0.names(address) && $0.ports?.contains(port) ?? true }) else {
                return false
            }
            let kind = AddressPolicy.kind(of: address)
            if kind == .public { return rules.contains { $0.covers(kind) } }
            let naming = grants.filter { $0.names(address) && isOpen($0, port) && !$0.needsInspection }
            return (rules + naming).contains { $0.covers(kind) && trusted?.contains($0) ?? true }
        }
    }

    /// Why a host whose name is allowed is refused for its addresses. A whole sentence.
    func refusal(of host: HostName, under rules: [EgressRule], answers: [IPAddress]) -> String {
        if let denial = denials.first(where: { denial in answers.contains { denial.names($0) } }) {
            return refusal(host, by: denial)
        }
        let rule = rules.first.map { "the rule '\($0)'" } ?? "no rule"
        let kind = answers.first.map { AddressPolicy.kind(of: $0) } ?? .reserved
        let reason = kind.mayBeNamed ? "and \(rule) allows only public ones" : "which \(rule) cannot open"
        return "The sandbox may not reach \(host): its address is \(kind.rawValue), \(reason)."
    }

    private func isOpen(_ rule: EgressRule, _ port: Int) -> Bool { rule.ports?.contains(port) ?? ports.contains(port) }

    private func takes(_ rule: EgressRule, _ request: Request) -> Bool {
        (rule.methods.isEmpty || rule.methods.contains(request.method))
            && rule.scheme.map { $0 == request.scheme } ?? true
    }

    private func refusal(_ host: HostName, by denial: EgressRule) -> String {
        "The sandbox may not reach \(host): the rule '\(denial)' of its network policy refuses it."
    }

    private func portText(_ rules: [EgressRule]) -> String {
        let all = Set(rules.flatMap { rule in rule.ports.map { [$0] } ?? ports.map { $0...$0 } })
        let texts = all.sorted { $0.lowerBound < $1.lowerBound }.map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }
        return "port \(texts.joined(separator: ", "))"
    }

    private var reason: String {
        guard !grants.isEmpty || !unusable.isEmpty else { return "its network policy allows no host" }
        guard let first = unusable.first else { return "no rule of its network policy allows this host" }
        return "no rule of its network policy allows this host, and '\(first.prefix(64))' in it is not a rule"
    }
}
