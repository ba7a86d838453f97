public import Egress
internal import Logging
internal import Sandbox

/// How the sandboxes of a worker reach other hosts: makes each session's gate, and keeps what gates need on disk.
public struct WorkerEgress: Sendable {
    private let context: EgressContext
    private let authorities: AuthorityStore
    let log: EgressLog
    private let queue = BlockingQueue(label: "perimeter.worker.egress")

    /// - Parameter folder: gets the authorities and request logs of environments, in folders for this user alone.
    public init(context: EgressContext, folder: String) {
        self.context = context
        authorities = AuthorityStore(folder: folder + "/authorities")
        log = EgressLog(folder: folder + "/requests")
    }

    /// The way out of one session's sandbox; nil when its policy has none.
    /// - Parameter secrets: what the gate puts in the place of placeholders.
    func open(
        _ policy: NetworkPolicy, for session: RemoteID, in environment: RemoteID, secrets: SecretTable?,
        denials: DenialTally
    ) async -> SessionEgress? {
        guard policy != .none else { return nil }
        var authority: EgressAuthority?
        if secrets != nil || EgressGate.readsRequests(under: policy) {
            do throws(AuthorityStoreError) {
                authority = try await queue.run { [authorities] () throws(AuthorityStoreError) in
                    try authorities.authority(for: environment.rawValue)
                }
            } catch {
                context.logger.error(
                    "no authority for an environment: what has to be read inside TLS is refused",
                    metadata: ["environment_id": "\(environment)", "reason": "\(error)"])
            }
        }
        let gate = EgressGate(policy: policy, secrets: secrets, authority: authority, context: context) {
            [log] record in
            log.add(record, environment: environment, session: session)
            if case .denied(let sentence) = record.outcome { denials.add(sentence) }
        }
        return SessionEgress(gate: gate, certificate: authority?.certificatePEM)
    }
}

/// The way out of one session's sandbox.
struct SessionEgress: Sendable {
    let gate: EgressGate
    /// What the sandbox has to trust for it; nil where the gate reads nothing inside TLS.
    let certificate: String?
}
