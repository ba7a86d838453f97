/// The addresses that share their first bits, as CIDR writes them (RFC 4632, RFC 4291 §2.3).
public struct AddressBlock: Hashable, Sendable, CustomStringConvertible {
    private let first: IPAddress
    private let length: Int

    /// - Parameter text: `10.0.0.0/8` or `fd00::/8`, without brackets. Bits behind the prefix must be zero: a block that was
    ///   meant otherwise than it is written opens something else.
    public init?(_ text: some StringProtocol) {
        guard let slash = text.firstIndex(of: "/"), let address = IPAddress(text[..<slash]) else { return nil }
        let digits = text[text.index(after: slash)...]
        guard (1...3).contains(digits.utf8.count), digits == "0" || digits.first != "0",
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let length = Int(digits)
        else { return nil }
        switch address {
        // A mapped address was written as IPv6, with another length.
        case .v4: guard length <= 32, !text[..<slash].contains(":") else { return nil }
        case .v6: guard length <= 128 else { return nil }
        }
        first = address
        self.length = length
        guard Self.prefix(of: address, length).isWhole else { return nil }
    }

    public func contains(_ address: IPAddress) -> Bool {
        switch (first, address) {
        case (.v4, .v4), (.v6, .v6): Self.prefix(of: address, length).bits == Self.prefix(of: first, length).bits
        default: false
        }
    }

    public var description: String { "\(first)/\(length)" }

    private static func prefix(of address: IPAddress, _ length: Int) -> (bits: UInt128, isWhole: Bool) {
        let (bits, width): (UInt128, Int) =
            switch address {
            case .v4(let bits): (UInt128(bits), 32)
            case .v6(let bits): (bits, 128)
            }
        // A shift by the full width of the number leaves nothing, as it should.
        let prefix = bits >> UInt128(width - length)
        return (prefix, length == 0 ? bits == 0 : prefix << UInt128(width - length) == bits)
    }
}
