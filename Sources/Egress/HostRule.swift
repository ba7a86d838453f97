/// One host, or set of hosts, that a sandbox may reach.
///
/// | text | allows |
/// |---|---|
/// | `example.com` | that name |
/// | `*.example.com` | every name below it, not itself |
/// | `*` | every host with a public address |
/// | `10.1.2.3`, `[::1]` | that address, also where it is not public |
/// | `localhost` | the loopback of the worker's host |
///
/// A port after it (`example.com:8443`) allows that port instead of the gate's own.
public struct HostRule: Hashable, Sendable, CustomStringConvertible {
    /// What a rule applies to.
    public enum Subject: Hashable, Sendable {
        case any
        case name(String)
        /// The part after `*.`.
        case below(String)
        case address(IPAddress)
    }

    public var subject: Subject
    /// nil: the gate's ports.
    public var port: Int?

    /// - Returns: nil when the text is none of the forms above.
    public init?(_ text: String) {
        var host = Substring(text)
        if let colon = text.lastIndex(of: ":"), text[..<colon].hasSuffix("]") || !text[..<colon].contains(":") {
            guard let port = Self.port(text[text.index(after: colon)...]) else { return nil }
            self.port = port
            host = text[..<colon]
        }
        if host == "*" {
            subject = .any
        } else if host.hasPrefix("*.") {
            guard case .name(let name)? = HostName(host.dropFirst(2)) else { return nil }
            subject = .below(name)
        } else {
            switch HostName(host) {
            case .name(let name)?: subject = .name(name)
            case .address(let address)?: subject = .address(address)
            case nil:
                guard let address = IPAddress(host) else { return nil }
                subject = .address(address)
            }
        }
    }

    /// Whether the rule names this host; `any` and wildcards do not cover literal addresses but for `*`.
    public func matches(_ host: HostName) -> Bool {
        switch (subject, host) {
        case (.any, _): true
        case (.name(let own), .name(let other)): own == other
        case (.below(let suffix), .name(let other)): other.hasSuffix("." + suffix)
        case (.address(let own), .address(let other)): own == other
        default: false
        }
    }

    /// Whether the rule, for this host, also covers addresses of this kind.
    public func covers(_ kind: AddressPolicy.Kind) -> Bool {
        switch subject {
        case .address: kind.mayBeNamed
        case .name("localhost"): kind == .public || kind == .loopback
        case .any, .name, .below: kind == .public
        }
    }

    public var description: String {
        let host =
            switch subject {
            case .any: "*"
            case .name(let name): name
            case .below(let name): "*." + name
            case .address(let address): HostName.address(address).description
            }
        return port.map { "\(host):\($0)" } ?? host
    }

    /// A port in decimal, 1 to 65535, without sign or leading zero.
    static func port(_ text: some StringProtocol) -> Int? {
        guard (1...5).contains(text.utf8.count), text.first != "0",
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let port = Int(text),
            port <= 65535
        else { return nil }
        return port
    }
}
