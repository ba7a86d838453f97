/// Remembers which warm sandbox a session took. Must outlive the process, as the files do.
public protocol WarmNames: Sendable {
    /// The name under which the engine knows the session's sandbox; nil for its own.
    func name(of session: SandboxID) async -> SandboxID?

    /// - Returns: false when it could not be written down; then the warm sandbox must not be used.
    func remember(_ name: SandboxID, for session: SandboxID) async -> Bool

    /// Whether the session has never had a sandbox here, so that no files wait for it.
    func isNew(_ session: SandboxID) async -> Bool
}
