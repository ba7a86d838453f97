internal import Glibc

/// What a worker says first on a connection to a socket that programs inside can reach as well: 64 hexadecimal digits, and the
/// ``ExecdOrders`` where a daemon takes them.
struct ConnectionToken {
    enum Progress {
        case more
        case accepted(rest: [UInt8])
        case refused
    }

    private static let variable = "PERIMETER_EXECD_TOKEN"
    private static let length = 64
    private let expected: [UInt8]
    private var received: [UInt8] = []

    /// Reads the variable and wipes it, so that no tool inherits it. Nil when it is missing or no token.
    static func taken() -> ConnectionToken? {
        guard let value = getenv(variable) else { return nil }
        let bytes = Array(String(cString: value).utf8)
        // SAFETY: the length is that of the string itself; the process has one thread yet.
        memset(value, 0, strlen(value))
        unsetenv(variable)
        guard bytes.count == length, bytes.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        return ConnectionToken(expected: bytes)
    }

    init(expected: [UInt8]) { self.expected = expected }

    mutating func take(_ bytes: [UInt8]) -> Progress {
        let missing = expected.count - received.count
        received += bytes.prefix(missing)
        guard received.count == expected.count else { return .more }
        // In constant time: a program inside may try as often as it likes.
        let difference = zip(expected, received).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
        return difference == 0 ? .accepted(rest: Array(bytes.dropFirst(missing))) : .refused
    }
}
