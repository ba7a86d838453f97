/// Sorts addresses into those a sandbox may reach because they are public, and the others.
public enum AddressPolicy {
    /// What an address is for.
    public enum Kind: String, Sendable, CaseIterable {
        case `public`
        case loopback
        /// Networks inside an organisation, the shared space of providers included.
        case `private`
        /// Only the own link, where clouds keep their credentials: never reachable, whatever a rule says.
        case linkLocal = "link-local"
        /// A cloud's metadata service outside the link-local range: never reachable either.
        case metadata
        case multicast
        /// Reserved, for documentation, or a form that hides another address.
        case reserved

        /// True when an operator's rule that names the address can allow it.
        public var mayBeNamed: Bool {
            switch self {
            case .public, .loopback, .private: true
            case .linkLocal, .metadata, .multicast, .reserved: false
            }
        }
    }

    public static func kind(of address: IPAddress) -> Kind {
        switch address {
        case .v4(let bits): kind(v4: bits)
        case .v6(let bits): kind(v6: bits)
        }
    }

    private struct Block4 {
        var prefix: UInt32
        var length: Int
        var kind: Kind
        init(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32, _ length: Int, _ kind: Kind) {
            prefix = a << 24 | b << 16 | c << 8 | d
            self.length = length
            self.kind = kind
        }
        func contains(_ address: UInt32) -> Bool { (address ^ prefix) >> UInt32(32 - length) == 0 }
    }

    /// The IANA special-purpose registry; the first block that holds an address decides.
    private static let blocks4 = [
        Block4(0, 0, 0, 0, 8, .reserved),
        Block4(10, 0, 0, 0, 8, .private),
        Block4(100, 100, 100, 200, 32, .metadata),
        Block4(100, 64, 0, 0, 10, .private),
        Block4(127, 0, 0, 0, 8, .loopback),
        Block4(168, 63, 129, 16, 32, .metadata),
        Block4(169, 254, 0, 0, 16, .linkLocal),
        Block4(172, 16, 0, 0, 12, .private),
        Block4(192, 0, 0, 192, 32, .metadata),
        Block4(192, 0, 0, 0, 24, .reserved),
        Block4(192, 0, 2, 0, 24, .reserved),
        Block4(192, 88, 99, 0, 24, .reserved),
        Block4(192, 168, 0, 0, 16, .private),
        Block4(198, 18, 0, 0, 15, .reserved),
        Block4(198, 51, 100, 0, 24, .reserved),
        Block4(203, 0, 113, 0, 24, .reserved),
        Block4(224, 0, 0, 0, 4, .multicast),
        Block4(240, 0, 0, 0, 4, .reserved),
    ]

    private static func kind(v4 address: UInt32) -> Kind {
        blocks4.first { $0.contains(address) }?.kind ?? .public
    }

    private static func kind(v6 address: UInt128) -> Kind {
        func isBelow(_ prefix: UInt128, _ length: Int) -> Bool {
            (address >> UInt128(128 - length)) == prefix
        }
        if address == 1 { return .loopback }
        // Addresses that carry an IPv4 one are what that one is: mapped, and translated by a NAT64.
        if isBelow(0xFFFF, 96) || isBelow(0x0064_FF9B << 64, 96) {
            return kind(v4: UInt32(truncatingIfNeeded: address))
        }
        if isBelow(0xFF, 8) { return .multicast }
        if isBelow(0xFE80 >> 6, 10) { return .linkLocal }
        if isBelow(0xFEC0 >> 6, 10) { return .private }
        // fd00:ec2::/32 and fd20:ce::/32 hold the metadata services of two clouds.
        if isBelow(0xFD00_0EC2, 32) || isBelow(0xFD20_00CE, 32) { return .metadata }
        if isBelow(0xFC >> 1, 7) { return .private }
        guard isBelow(0b001, 3) else { return .reserved }
        let isSpecial =
            isBelow(0x2001 << 7, 23)  // protocol assignments, Teredo among them
            || isBelow(0x2001_0DB8, 32)  // documentation
            || isBelow(0x2002, 16)  // 6to4 hides an IPv4 address
            || isBelow(0x3FFF << 4, 20)  // documentation
        return isSpecial ? .reserved : .public
    }
}
