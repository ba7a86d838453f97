public import Egress
internal import Logging
internal import Sandbox

/// How the sandboxes of a worker reach other hosts: makes each session's gate, and keeps what gates need on disk.
public struct WorkerEgress: Sendable {
    private let context: EgressContext
    private let leaks: [LeakRule]
    private let authorities: AuthorityStore
    let log: EgressLog
    private let queue = BlockingQueue(label: "perimeter.worker.egress")

    /// - Parameters:
    ///   - leaks: what requests of no sandbox may hold.
    ///   - folder: gets the authorities and request logs of environments, in folders for this user alone.
    public init(context: EgressContext, leaks: [LeakRule] = [], folder: String) {
        self.leaks = leaks
        self.context = context
        authorities = AuthorityStore(folder: folder + "/authorities")
        log = EgressLog(folder: folder + "/requests")
    }

    /// The way out of one session's sandbox; nil when its policy has none.
    /// - Parameters:
    ///   - own: what requests of the environment's sandboxes must not hold, beside the operator's.
    ///   - secrets: what the gate puts in the place of placeholders.
    func open(
        _ policy: NetworkPolicy, leaks own: [LeakRule] = [], for session: RemoteID, in environment: RemoteID,
        secrets: SecretTable?, denials: DenialTally
    ) async -> SessionEgress? {
        guard policy != .none else { return nil }
        let findAuthority: @Sendable () async -> EgressAuthority? = { await found(for: environment) }
        var authority: EgressAuthority?
        let leaks = leaks + own
        if secrets != nil || EgressGate.readsRequests(under: policy, leaks: leaks) { authority = await findAuthority() }
        let denialLog = DenialLog(logger: context.logger, environment: environment, session: session)
        let gate = EgressGate(
            policy: policy, leaks: leaks, secrets: secrets, authority: authority, context: context
        ) { [log] record in
            log.add(record, environment: environment, session: session)
            guard case .denied(let sentence) = record.outcome else { return }
            denials.add(sentence)
            denialLog.add(record, sentence)
        }
        return SessionEgress(gate: gate, leaks: self.leaks, authority: authority, findAuthority: findAuthority)
    }

    /// Nil, with a line in the log, when there is none to get.
    private func found(for environment: RemoteID) async -> EgressAuthority? {
        do throws(AuthorityStoreError) {
            return try await queue.run { [authorities] () throws(AuthorityStoreError) in
                try authorities.authority(for: environment.rawValue)
            }
        } catch {
            context.logger.error(
                "no authority for an environment: what has to be read inside TLS is refused",
                metadata: ["environment_id": "\(environment)", "reason": "\(error)"])
            return nil
        }
    }
}
