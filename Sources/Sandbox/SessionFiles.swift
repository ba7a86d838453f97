/// The work directories that sessions have on this host, whether a sandbox uses them or not.
public protocol SessionFiles: Sendable {
    /// The sessions that have one.
    func sessions() async -> Set<SandboxID>

    /// Counts it as used today, so that no engine takes it for forgotten.
    func touch(_ session: SandboxID) async

    /// Removes it. Nothing may use it. Idempotent.
    func remove(_ session: SandboxID) async
}
