internal import Egress
internal import Sandbox
internal import Synchronization

/// The way out of one session's sandbox, whose rules may change while it runs.
final class SessionEgress: Sendable {
    let gate: EgressGate
    /// The operator's, which hold for every environment.
    private let common: [LeakRule]
    private let authority: Mutex<EgressAuthority?>
    private let findAuthority: @Sendable () async -> EgressAuthority?

    /// - Parameters:
    ///   - common: rules that no update takes away.
    ///   - authority: what the gate has from the start.
    ///   - findAuthority: gets one when later rules need it; nil when there is none to get, which refuses what needs it.
    init(
        gate: EgressGate, leaks common: [LeakRule], authority: EgressAuthority?,
        findAuthority: @escaping @Sendable () async -> EgressAuthority?
    ) {
        self.common = common
        self.gate = gate
        self.authority = Mutex(authority)
        self.findAuthority = findAuthority
    }

    /// What the sandbox has to trust for it; nil where the gate reads nothing inside TLS.
    var certificate: String? { authority.withLock { $0?.certificatePEM } }

    /// Puts other rules in force. One task at a time calls it.
    /// - Returns: the certificate that the sandbox has to trust from now on, when it did not need to before.
    func update(_ policy: NetworkPolicy, _ leaks: [LeakRule] = []) async -> String? {
        let leaks = common + leaks
        guard certificate == nil, EgressGate.readsRequests(under: policy, leaks: leaks) else {
            gate.update(policy: policy, leaks: leaks)
            return nil
        }
        let found = await findAuthority()
        authority.withLock { $0 = found }
        gate.update(policy: policy, leaks: leaks, authority: found)
        return found?.certificatePEM
    }
}
