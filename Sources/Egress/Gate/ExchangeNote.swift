/// Writes the record of one request or tunnel.
struct ExchangeNote: Sendable {
    let tally = Tally()
    private let begin = ContinuousClock.now
    private let gate: EgressGate
    private let request: ProxyRequest
    private let isInspected: Bool
    private let hidesPath: Bool

    /// - Parameter hidesPath: what must not leave may stand in it, and must not be kept either.
    init(of exchange: Exchange, _ request: ProxyRequest, hidesPath: Bool) {
        gate = exchange.gate
        isInspected = exchange.tunnel != nil
        self.request = request
        self.hidesPath = hidesPath
    }

    func callAsFunction(_ outcome: EgressRecord.Outcome) {
        gate.note(
            EgressRecord(
                host: "\(request.host)", port: request.port, method: request.method,
                path: hidesPath ? "" : String(request.path.prefix { $0 != "?" }), outcome: outcome,
                isInspected: isInspected, bytesOut: tally.out, bytesIn: tally.in, duration: .now - begin))
    }
}
