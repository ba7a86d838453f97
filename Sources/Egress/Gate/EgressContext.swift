public import Logging

/// What the gates of a worker have in common.
public struct EgressContext: Sendable {
    /// The rules that may lead to addresses that are not public, for policies that someone other than the operator writes.
    /// Nil trusts them all. Addresses of the own link and of metadata services stay closed always.
    public var trusted: [String]?
    public var limits: EgressLimits
    public var resolver: any NameResolver
    /// Reads the system's certificates once for all gates.
    public var tls: UpstreamTLS
    public var logger: Logger

    public init(
        trusted: [String]? = nil, limits: EgressLimits = EgressLimits(), resolver: any NameResolver = SystemResolver(),
        tls: UpstreamTLS = UpstreamTLS(), logger: Logger
    ) {
        self.trusted = trusted
        self.limits = limits
        self.resolver = resolver
        self.tls = tls
        self.logger = logger
    }
}
