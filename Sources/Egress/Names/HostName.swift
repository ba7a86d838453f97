/// The host that a request wants: a checked name in lower case, or an address.
public enum HostName: Hashable, Sendable, CustomStringConvertible {
    case name(String)
    case address(IPAddress)

    /// - Parameter text: a name of ASCII labels, with or without the final dot, an IPv4 address, or an IPv6 one in brackets.
    public init?(_ text: some StringProtocol) {
        if text.hasPrefix("["), text.hasSuffix("]") {
            let inner = text.dropFirst().dropLast()
            guard inner.contains(":"), let address = IPAddress(inner) else { return nil }
            self = .address(address)
            return
        }
        let trimmed = text.hasSuffix(".") ? text.dropLast() : text[...]
        guard (1...253).contains(trimmed.utf8.count), !trimmed.utf8.contains(UInt8(ascii: ":")) else { return nil }
        if let address = IPAddress(trimmed) {
            self = .address(address)
            return
        }
        for label in trimmed.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count), label.first != UInt8(ascii: "-"), label.allSatisfy(Self.isAllowed)
            else {
                return nil
            }
        }
        self = .name(trimmed.lowercased())
    }

    /// As it is written in a `Host` field.
    public var description: String {
        switch self {
        case .name(let name): name
        case .address(.v4(let bits)): IPAddress.v4(bits).description
        case .address(.v6(let bits)): "[\(IPAddress.v6(bits))]"
        }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
