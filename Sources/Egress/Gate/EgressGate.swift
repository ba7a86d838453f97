internal import Logging
public import Sandbox
internal import Synchronization

/// The only way out of a sandbox: a proxy that a network policy bounds.
///
/// Takes `CONNECT`, SOCKS 5, requests for `http://` addresses, and requests for `https://` addresses, for which it speaks TLS
/// itself and checks the host's certificate. What the policy does not allow gets a 403 whose body is one sentence that names
/// the host and the rule, for a person or a model to read. Every address is checked, and the checked one is dialled.
///
/// Where a rule asks about paths or methods, or a secret is bound to a host, the gate ends the TLS of a tunnel itself, with
/// the environment's authority, reads each request, and proves the host before it sends anything.
///
/// ```swift
/// let gate = EgressGate(policy: .allow(hosts: ["*.debian.org"]), context: EgressContext(logger: logger))
/// ```
public final class EgressGate: OutboundGate {
    /// What an exchange decides by, as it stood when it began.
    struct Policy: Sendable {
        var rules: EgressRules
        var leaks: [LeakRule] = []
        var authority: EgressAuthority?

        /// Whether what is carried already may go on: a tunnel, only where nothing in it has to be read.
        func allows(_ request: ProxyRequest) -> Bool {
            rules.allow(request) && (request.form != .tunnel || leaks.isEmpty)
        }
    }
    private struct State {
        var policy: Policy
        var tunnels: [UInt64: OpenTunnel] = [:]
        var nextTunnel: UInt64 = 0
    }
    private struct OpenTunnel: Sendable {
        var request: ProxyRequest
        var connection: any OutboundConnection
    }

    let context: EgressContext
    package let secrets: SecretTable?
    private let state: Mutex<State>
    private let onRecord: @Sendable (EgressRecord) -> Void

    /// - Parameters:
    ///   - policy: its entries are ``EgressRule``s; one that is none matches nothing, and is logged.
    ///   - leaks: what requests must not hold. Where there are any, the gate reads all that leaves, and what it cannot read
    ///     does not leave.
    ///   - secrets: put into requests for the hosts that they are bound to; looked into anew for each.
    ///   - authority: what the sandbox trusts; without it, nothing inside TLS can be read, and what a rule would have to read
    ///     is refused.
    ///   - onRecord: called once for each request or tunnel. Must not block.
    public init(
        policy: NetworkPolicy, leaks: [LeakRule] = [], secrets: SecretTable? = nil, authority: EgressAuthority? = nil,
        context: EgressContext, onRecord: @escaping @Sendable (EgressRecord) -> Void = { _ in }
    ) {
        self.context = context
        self.secrets = secrets
        self.onRecord = onRecord
        state = Mutex(State(policy: Self.made(policy, leaks, authority, context)))
    }

    /// Whether rules of the policy are about more than hosts and ports, so that an authority is needed.
    public static func readsRequests(under policy: NetworkPolicy, leaks: [LeakRule] = []) -> Bool {
        !leaks.isEmpty || EgressRules(policy, trusted: nil, ports: []).needInspection
    }

    /// Puts other rules in force: at once for what comes, and tunnels and requests that they do not allow end.
    /// - Parameter authority: what the sandbox trusts from now on; nil leaves it as it was.
    public func update(policy: NetworkPolicy, leaks: [LeakRule] = [], authority: EgressAuthority? = nil) {
        let cut = state.withLock { state in
            state.policy = Self.made(policy, leaks, authority ?? state.policy.authority, context)
            let policy = state.policy
            return state.tunnels.values.filter { !policy.allows($0.request) }
        }
        for tunnel in cut { Task { await tunnel.connection.reset() } }
    }

    public func serve(_ connection: any OutboundConnection) async {
        let watch = ActivityWatch()
        let exchange = Exchange(connection: connection, gate: self, policy: currentPolicy, watch: watch)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await exchange.run() }
            group.addTask { [context] in await watch.untilIdle(for: context.limits.idle) }
            await group.next()
            group.cancelAll()
        }
        await connection.reset()
    }

    /// What a request is judged by that begins now.
    var currentPolicy: Policy { state.withLock { $0.policy } }

    func note(_ record: EgressRecord) { onRecord(record) }

    /// Runs `body` with the request known, so that an update can end it.
    /// - Throws: a refusal when an update came between the decision and here.
    func keeping(
        _ request: ProxyRequest, _ connection: any OutboundConnection,
        _ body: () async throws(ProxyReply.Refusal) -> Void
    ) async throws(ProxyReply.Refusal) {
        let number = state.withLock { state -> UInt64? in
            guard state.policy.allows(request) else { return nil }
            state.nextTunnel += 1
            state.tunnels[state.nextTunnel] = OpenTunnel(request: request, connection: connection)
            return state.nextTunnel
        }
        guard let number else {
            throw .reply(.forbidden, "The sandbox may not reach \(request.host): its network policy has just changed.")
        }
        defer { state.withLock { _ = $0.tunnels.removeValue(forKey: number) } }
        try await body()
    }

    private static func made(
        _ policy: NetworkPolicy, _ leaks: [LeakRule], _ authority: EgressAuthority?, _ context: EgressContext
    ) -> Policy {
        let rules = EgressRules(policy, trusted: context.trusted, ports: context.limits.ports)
        if !rules.unusable.isEmpty {
            context.logger.warning(
                "network policy has entries that are not rules", metadata: ["count": "\(rules.unusable.count)"])
        }
        return Policy(rules: rules, leaks: leaks, authority: authority)
    }
}
