/// What is written into the audit chain. Names are stable: people search for them.
public enum AuditAction: String, Sendable, CaseIterable {
    case keyCreated = "key.created"
    case keyUpdated = "key.updated"
    case keyRevoked = "key.revoked"
    case workspaceCreated = "workspace.created"

    case agentCreated = "agent.created"
    case agentUpdated = "agent.updated"
    case agentArchived = "agent.archived"

    case environmentCreated = "environment.created"
    case environmentUpdated = "environment.updated"
    case environmentArchived = "environment.archived"
    case environmentDeleted = "environment.deleted"

    case vaultCreated = "vault.created"
    case vaultUpdated = "vault.updated"
    case vaultArchived = "vault.archived"
    case vaultDeleted = "vault.deleted"

    case credentialCreated = "credential.created"
    case credentialUpdated = "credential.updated"
    case credentialArchived = "credential.archived"
    case credentialDeleted = "credential.deleted"
    /// A token endpoint gave new tokens.
    case credentialRenewed = "credential.renewed"
    /// Secrets were handed to the worker that serves a session.
    case credentialsDelivered = "credentials.delivered"

    case sessionCreated = "session.created"
    case sessionUpdated = "session.updated"
    case sessionArchived = "session.archived"
    case sessionDeleted = "session.deleted"

    case previewCreated = "preview.created"
    case previewDeleted = "preview.deleted"
    /// A person's shell, command or connection to a port, also one through a preview.
    case streamOpened = "stream.opened"
    /// Asked for; the worker may refuse what is in use.
    case pauseRequested = "sandbox.pause_requested"
    case resumeRequested = "sandbox.resume_requested"
    case snapshotRequested = "sandbox.snapshot_requested"
    /// The egress gate of a worker refused what a sandbox asked for, as the worker says.
    case egressDenied = "egress.denied"

    case toolCalled = "tool.called"
    /// A person allowed or denied a call.
    case toolDecided = "tool.decided"
    case toolAnswered = "tool.answered"
}
