/// A secret that programs in a sandbox know by a placeholder only.
///
/// The placeholder is in their environment. On the way out the sandbox's ``OutboundGate`` puts the secret in its place, in
/// requests to the bound hosts; everywhere else the placeholder stays what it is.
public struct SecretBinding: Sendable, Equatable {
    /// Where the secret may go. The network policy of the sandbox bounds both.
    public enum Hosts: Sendable, Equatable {
        /// Every host that the sandbox may reach.
        case any
        /// Host names, IPv4 addresses, and `*.example.com` for every name below it. Compared without regard to case.
        case only([String])
    }

    /// The environment variable that holds the placeholder.
    public var variable: String
    /// Random, and of characters that neither JSON nor forms nor URLs change: letters, digits, `-` and `_`.
    public var placeholder: String
    public var secret: SecretValue
    public var hosts: Hosts
    /// Whether values of request headers are looked into.
    public var appliesToHeaders: Bool
    /// Whether bodies of requests are looked into.
    public var appliesToBody: Bool
    /// Names the secret in logs and errors.
    public var credential: String

    public init(
        variable: String, placeholder: String, secret: SecretValue, hosts: Hosts, appliesToHeaders: Bool,
        appliesToBody: Bool, credential: String
    ) {
        self.variable = variable
        self.placeholder = placeholder
        self.secret = secret
        self.hosts = hosts
        self.appliesToHeaders = appliesToHeaders
        self.appliesToBody = appliesToBody
        self.credential = credential
    }
}
