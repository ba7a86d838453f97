internal import Synchronization

/// The gate of a sandbox that waits for its session: closed until it has one.
final class GateSwitch: OutboundGate {
    private let gate = Mutex<(any OutboundGate)?>(nil)

    func set(_ gate: (any OutboundGate)?) { self.gate.withLock { $0 = gate } }

    func serve(_ connection: any OutboundConnection) async {
        guard let gate = gate.withLock({ $0 }) else { return await connection.reset() }
        await gate.serve(connection)
    }
}
