/// What is asked of the worker's gate about a name, on a stream of its own: a mark, the name's length, the name. The answer is
/// a status, a count, and as many ports of two bytes.
package enum GateQuestion {
    package enum Verdict: Equatable, Sendable {
        case allowed(ports: [UInt16])
        case denied
        case unknown
        /// Nothing is known now.
        case failed
    }
    /// What no HTTP request and no SOCKS greeting starts with.
    private static let mark: UInt8 = 1
    package static let maximumPorts = 16

    package static func bytes(of name: String) -> [UInt8] {
        [mark, UInt8(clamping: name.utf8.count)] + Array(name.utf8)
    }

    /// - Returns: nil while the answer is incomplete.
    package static func verdict(_ answer: [UInt8]) -> Verdict? {
        guard let status = answer.first else { return nil }
        switch status {
        case 0:
            guard answer.count >= 2 else { return nil }
            let count = Int(answer[1])
            guard (1...maximumPorts).contains(count) else { return .failed }
            guard answer.count >= 2 + 2 * count else { return nil }
            return .allowed(
                ports: (0..<count).map { UInt16(answer[2 + 2 * $0]) << 8 | UInt16(answer[3 + 2 * $0]) })
        case 1: return .denied
        case 2: return .unknown
        default: return .failed
        }
    }
}
