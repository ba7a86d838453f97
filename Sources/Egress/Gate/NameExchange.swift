internal import Sandbox

/// A question of the daemon inside, for a program that looks a name up: which ports of it may the sandbox reach?
///
/// It is a mark, the name's length, the name. The answer is a status and, when the name is allowed, a count and as many ports of
/// two bytes. A name that is not allowed is not looked up: who owns its domain learns nothing of it.
struct NameExchange: Sendable {
    private enum Answer {
        case allowed([Int])
        case denied(String)
        case unknown
        /// Nothing is known now.
        case failed

        var bytes: [UInt8] {
            switch self {
            case .allowed(let ports): [0, UInt8(ports.count)] + ports.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            case .denied: [1]
            case .unknown: [2]
            case .failed: [3]
            }
        }
    }
    /// What no HTTP request and no SOCKS greeting starts with.
    static let mark: UInt8 = 1
    private static let maximumPorts = 16
    /// How the records of a gate name such a question.
    private static let record = (method: "DNS", port: 53)

    let connection: any OutboundConnection
    let gate: EgressGate
    let policy: EgressGate.Policy

    /// - Parameter first: what has been read already.
    func run(_ first: [UInt8]) async {
        let begin = ContinuousClock.now
        var bytes = first
        do {
            while bytes.count < 2 || bytes.count < 2 + Int(bytes[1]) {
                guard let more = try await connection.read() else { return }
                bytes += more
            }
            let text = String(decoding: bytes[2..<(2 + Int(bytes[1]))], as: UTF8.self)
            let answer = await answer(to: text)
            if case .denied(let sentence) = answer {
                gate.note(
                    EgressRecord(
                        host: text, port: Self.record.port, method: Self.record.method, path: "",
                        outcome: .denied(sentence), isInspected: false, bytesOut: 0, bytesIn: 0,
                        duration: .now - begin))
            }
            try await connection.write(answer.bytes)
            await connection.finish()
        } catch {
            // The daemon takes a question whose stream ends for one that nobody can answer now.
        }
    }

    private func answer(to text: String) async -> Answer {
        guard let host = HostName(text), case .name(let name) = host else { return .unknown }
        let ports = policy.rules.ports(of: host, limit: Self.maximumPorts)
        guard let first = ports.first else {
            guard case .denied(let sentence) = policy.rules.verdict(on: host, port: 443) else { return .unknown }
            return .denied(sentence)
        }
        let addresses: [IPAddress]
        do throws(NameError) {
            addresses = try await gate.context.resolver.addresses(of: name, within: gate.context.limits.connect)
        } catch {
            return error == .unknown ? .unknown : .failed
        }
        let open = ports.filter { port in
            switch policy.rules.verdict(on: host, port: port) {
            case .allowed(let rules), .inspected(let rules):
                !policy.rules.reachable(addresses, port: port, under: rules).isEmpty
            case .denied: false
            }
        }
        guard open.isEmpty else { return .allowed(open) }
        switch policy.rules.verdict(on: host, port: first) {
        case .allowed(let rules), .inspected(let rules):
            return .denied(policy.rules.refusal(of: host, under: rules, answers: addresses))
        case .denied(let sentence): return .denied(sentence)
        }
    }
}
