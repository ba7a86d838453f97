public import Logging
public import Sandbox

/// The only way out of a sandbox: an HTTP forward proxy that a network policy bounds.
///
/// Takes `CONNECT`, requests for `http://` addresses, and requests for `https://` addresses, for which it speaks TLS itself
/// and checks the host's certificate. What the policy does not allow gets a 403 whose body is one sentence that names the
/// host and the rule, for a person or a model to read. Every address is checked, and the checked one is dialled.
///
/// ```swift
/// let gate = EgressGate(policy: .allow(hosts: ["*.debian.org"]), logger: logger)
/// ```
public struct EgressGate: OutboundGate {
    private let rules: EgressRules
    private let limits: EgressLimits
    private let resolver: any NameResolver
    private let tls: UpstreamTLS
    private let onDenial: @Sendable (String) -> Void

    /// - Parameters:
    ///   - policy: its entries are ``HostRule``s; one that is none matches nothing, and is logged.
    ///   - trusted: the entries that may lead to addresses that are not public, for policies that someone other than the
    ///     operator writes. Nil trusts them all. Addresses of the own link and of metadata services stay closed always.
    ///   - tls: share it between gates: it reads the system's certificates once.
    ///   - onDenial: called with the sentence of each 403. Must not block.
    public init(
        policy: NetworkPolicy, trusted: [String]? = nil, limits: EgressLimits = EgressLimits(),
        resolver: any NameResolver = SystemResolver(), tls: UpstreamTLS = UpstreamTLS(), logger: Logger,
        onDenial: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        rules = EgressRules(policy, trusted: trusted, ports: limits.ports)
        self.limits = limits
        self.resolver = resolver
        self.tls = tls
        self.onDenial = onDenial
        if !rules.unusable.isEmpty {
            logger.warning(
                "network policy has entries that are not rules", metadata: ["count": "\(rules.unusable.count)"])
        }
    }

    public func serve(_ connection: any OutboundConnection) async {
        let watch = ActivityWatch()
        let exchange = Exchange(
            connection: connection, rules: rules, limits: limits, resolver: resolver, tls: tls, watch: watch,
            onDenial: onDenial)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await exchange.run() } catch { await connection.reset() }
            }
            group.addTask { await watch.untilIdle(for: limits.idle) }
            await group.next()
            group.cancelAll()
        }
        await connection.reset()
    }
}
