/// One line of a network policy: what a sandbox may, or may not, reach.
///
/// | text | covers |
/// |---|---|
/// | `example.com` | that name |
/// | `*.example.com` | every name below it, not itself |
/// | `*` | every host with a public address |
/// | `10.1.2.3`, `[::1]`, `10.0.0.0/8`, `[fd00::/8]` | these addresses, also where they are not public; also for names that another rule allows |
/// | `localhost` | the loopback of the worker's host |
/// | `example.com:8443`, `:8000-8999`, `:*` | other ports than the gate's own |
/// | `https://api.example.com/v1/*` | only these paths; `*` is any run of characters |
/// | `GET,HEAD https://api.example.com/*` | only these methods |
/// | `deny …` | the same, refused, whatever other rules say |
///
/// A rule with a path or methods needs to see requests: the gate ends TLS to the host itself, with the environment's own
/// authority.
public struct EgressRule: Hashable, Sendable, CustomStringConvertible {
    /// Whom a rule is about.
    public enum Subject: Hashable, Sendable {
        case any
        case name(String)
        /// The part after `*.`.
        case below(String)
        case address(IPAddress)
        case block(AddressBlock)
    }
    public enum Scheme: String, Sendable {
        case http, https
        var port: Int { self == .http ? 80 : 443 }
    }

    public let isDenial: Bool
    /// Empty: all.
    public let methods: Set<String>
    public let scheme: Scheme?
    public let subject: Subject
    /// nil: the gate's ports.
    public let ports: ClosedRange<Int>?
    public let path: PathPattern?

    /// - Returns: nil when the text is none of the forms above.
    public init?(_ text: String) {
        guard text.utf8.count <= 2048 else { return nil }
        var words = text.split(separator: " ", omittingEmptySubsequences: false)[...]
        isDenial = words.first == "deny"
        if isDenial { words = words.dropFirst() }
        guard (1...2).contains(words.count), let target = words.popLast() else { return nil }
        var methods: Set<String> = []
        for method in words.first?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            guard (1...32).contains(method.utf8.count), HeaderField.isToken(method.utf8), method == method.uppercased(),
                method != "CONNECT"
            else { return nil }
            methods.insert(String(method))
        }
        self.methods = methods
        guard let parts = Self.parts(target) else { return nil }
        (scheme, path) = (parts.scheme, parts.path)
        guard let (host, ports) = Self.hostAndPorts(parts.authority), let subject = Self.subject(host) else {
            return nil
        }
        self.subject = subject
        self.ports = ports ?? parts.scheme.map { $0.port...$0.port }
    }

    /// Whether its verdict depends on more than host and port.
    public var needsInspection: Bool { !methods.isEmpty || path != nil }

    /// Whether the rule names this host; `any` and wildcards do not cover literal addresses but for `*`.
    public func matches(_ host: HostName) -> Bool {
        switch (subject, host) {
        case (.any, _): true
        case (.name(let own), .name(let other)): own == other
        case (.below(let suffix), .name(let other)): other.hasSuffix("." + suffix)
        case (.address(let own), .address(let other)): own == other
        case (.block(let block), .address(let other)): block.contains(other)
        default: false
        }
    }

    /// Whether the rule names this address, whatever host it belongs to.
    func names(_ address: IPAddress) -> Bool {
        switch subject {
        case .address(let own): own == address
        case .block(let block): block.contains(address)
        case .any, .name, .below: false
        }
    }

    /// Whether the rule, for a host that it matches, also covers addresses of this kind.
    public func covers(_ kind: AddressPolicy.Kind) -> Bool {
        switch subject {
        case .address, .block: kind.mayBeNamed
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
            case .block(let block): "\(block)".contains(":") ? "[\(block)]" : "\(block)"
            }
        var text = isDenial ? "deny " : ""
        if !methods.isEmpty { text += methods.sorted().joined(separator: ",") + " " }
        if let scheme { text += scheme.rawValue + "://" }
        text += host
        if let ports, scheme?.port != ports.lowerBound || ports.count > 1 {
            switch ports {
            case 1...65535: text += ":*"
            case _ where ports.count == 1: text += ":\(ports.lowerBound)"
            default: text += ":\(ports.lowerBound)-\(ports.upperBound)"
            }
        }
        return text + (path?.description ?? "")
    }

    private static func parts(
        _ target: Substring
    ) -> (scheme: Scheme?, authority: Substring, path: PathPattern?)? {
        guard let range = target.firstRange(of: "://") else { return (nil, target, nil) }
        guard let scheme = Scheme(rawValue: String(target[..<range.lowerBound])) else { return nil }
        let rest = target[range.upperBound...]
        // The slash of a block in brackets belongs to the host.
        let from = rest.hasPrefix("[") ? rest.firstIndex(of: "]") ?? rest.endIndex : rest.startIndex
        guard let slash = rest[from...].firstIndex(of: "/") else { return (scheme, rest, nil) }
        guard let path = PathPattern(rest[slash...]) else { return nil }
        return (scheme, rest[..<slash], path)
    }

    private static func hostAndPorts(_ text: Substring) -> (host: Substring, ports: ClosedRange<Int>?)? {
        guard let colon = text.lastIndex(of: ":"), text[..<colon].hasSuffix("]") || !text[..<colon].contains(":") else {
            return (text, nil)
        }
        let written = text[text.index(after: colon)...]
        let bounds = written.split(separator: "-", omittingEmptySubsequences: false)
        switch bounds.count {
        case _ where written == "*": return (text[..<colon], 1...65535)
        case 1: return port(written).map { (text[..<colon], $0...$0) }
        case 2:
            guard let lower = port(bounds[0]), let upper = port(bounds[1]), lower <= upper else { return nil }
            return (text[..<colon], lower...upper)
        default: return nil
        }
    }

    private static func subject(_ host: Substring) -> Subject? {
        if host == "*" { return .any }
        if host.hasPrefix("*.") {
            guard case .name(let name)? = HostName(host.dropFirst(2)) else { return nil }
            return .below(name)
        }
        if host.contains("/") {
            let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
            return AddressBlock(isBracketed ? host.dropFirst().dropLast() : host).map { .block($0) }
        }
        switch HostName(host) {
        case .name(let name)?: return .name(name)
        case .address(let address)?: return .address(address)
        case nil: return IPAddress(host).map { .address($0) }
        }
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
