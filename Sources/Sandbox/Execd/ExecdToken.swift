/// What a worker says first to a daemon whose socket programs inside can reach as well. Never printed.
package struct ExecdToken: Sendable, Equatable, CustomStringConvertible {
    private let digits: String

    /// A new one of 256 random bits.
    package init() {
        var generator = SystemRandomNumberGenerator()
        digits = (0..<4).map { _ in
            let word = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - word.count) + word
        }.joined()
    }

    /// Reads one back from a ledger; nil for anything but 64 lower-case hexadecimal digits.
    package init?(digits: String) {
        guard digits.utf8.count == 64,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.digits = digits
    }

    /// The variable that carries it to the daemon, which removes it from its environment at once.
    package static let variable = "PERIMETER_EXECD_TOKEN"
    /// For the daemon's environment and the ledger, which its owner alone may read.
    package var exposed: String { digits }
    package var description: String { "•••" }
}
