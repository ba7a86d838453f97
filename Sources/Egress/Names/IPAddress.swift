/// An IP address as a number. Parses the canonical textual forms only: no octal, hexadecimal or shortened IPv4.
public enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    case v4(UInt32)
    /// The eight groups of 16 bits, as one number.
    case v6(UInt128)

    /// - Parameter text: dotted IPv4, or IPv6 without brackets and zone. An IPv4-mapped IPv6 address becomes the IPv4 one.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45 else { return nil }
        if let address = Self.parseV4(text) {
            self = .v4(address)
        } else if let address = Self.parseV6(text) {
            self = address >> 32 == 0xFFFF ? .v4(UInt32(truncatingIfNeeded: address)) : .v6(address)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .v4(let address):
            return [24, 16, 8, 0].map { "\(address >> $0 & 0xFF)" }.joined(separator: ".")
        case .v6(let address):
            return (0..<8).map { String(UInt16(truncatingIfNeeded: address >> UInt128(112 - 16 * $0)), radix: 16) }
                .joined(separator: ":")
        }
    }

    private static func parseV4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var octet: UInt32 = 0
            for byte in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard octet <= 255 else { return nil }
            address = address << 8 | octet
        }
        return address
    }

    private static func parseV6(_ text: some StringProtocol) -> UInt128? {
        let halves = split(text)
        guard halves.count <= 2, let head = groups(halves[0], mayHoldV4: halves.count == 1) else { return nil }
        guard halves.count == 2 else { return head.count == 8 ? join(head) : nil }
        guard let tail = groups(halves[1], mayHoldV4: true), head.count + tail.count <= 7 else { return nil }
        return join(head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail)
    }

    /// The text around each `::`.
    private static func split(_ text: some StringProtocol) -> [String] {
        var parts = [""]
        var rest = Substring(text)
        while let character = rest.first {
            if rest.hasPrefix("::") {
                parts.append("")
                rest = rest.dropFirst(2)
            } else {
                parts[parts.count - 1].append(character)
                rest = rest.dropFirst()
            }
        }
        return parts
    }

    private static func groups(_ text: String, mayHoldV4: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayHoldV4, index == parts.count - 1, part.utf8.contains(UInt8(ascii: ".")) {
                guard let address = parseV4(part) else { return nil }
                groups += [UInt16(address >> 16), UInt16(truncatingIfNeeded: address)]
            } else {
                guard (1...4).contains(part.utf8.count), part.first != "+", part.first != "-",
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func join(_ groups: [UInt16]) -> UInt128 {
        groups.reduce(0) { $0 << 16 | UInt128($1) }
    }
}
