/// What a daemon that was started before its session was known is told by the first connection, which it believes, and again
/// by every later one, which must say the same.
///
/// On the wire, before everything else on a connection, in lower-case hexadecimal digits: 64 of the token, 4 of the port, 8 of
/// each limit.
package struct ExecdOrders: Equatable, Sendable {
    /// The local port of the egress proxy; zero for none.
    package var proxyPort: UInt16
    package var outputLimit: UInt32
    /// Zero for none.
    package var processLimit: UInt32

    package static let tokenLength = 64
    private static let widths = [4, 8, 8]
    /// Bytes of the whole, token included.
    package static let length = tokenLength + widths.reduce(0, +)
    package static let outputLimits: ClosedRange<UInt32> = 1024...(16 << 20)
    package static let processLimits: ClosedRange<UInt32> = 0...1_000_000

    package init(proxyPort: UInt16, outputLimit: UInt32, processLimit: UInt32) {
        self.proxyPort = proxyPort
        self.outputLimit = outputLimit
        self.processLimit = processLimit
    }

    /// Reads what comes with a token; nil for anything else.
    package init?(parsing bytes: [UInt8]) {
        guard bytes.count == Self.length,
            bytes.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        var rest = bytes.dropFirst(Self.tokenLength)
        let numbers = Self.widths.map { width in
            defer { rest = rest.dropFirst(width) }
            return rest.prefix(width).reduce(UInt32(0)) { $0 << 4 | UInt32($1 < 0x3A ? $1 - 0x30 : $1 - 0x61 + 10) }
        }
        guard Self.outputLimits.contains(numbers[1]), Self.processLimits.contains(numbers[2]) else { return nil }
        self.init(proxyPort: UInt16(numbers[0]), outputLimit: numbers[1], processLimit: numbers[2])
    }

    /// What follows the token.
    package var digits: String {
        zip([UInt32(proxyPort), outputLimit, processLimit], Self.widths).map { number, width in
            let text = String(number, radix: 16)
            return String(repeating: "0", count: width - text.utf8.count) + text
        }.joined()
    }
}
