/// The status of a session (reference api-core §3.3).
public enum SessionStatus: String, Sendable, CaseIterable {
    case idle, running, rescheduling, terminated
}

/// The kind of an environment, which decides who serves its queue (reference api-core §2).
public enum EnvironmentType: String, Sendable {
    case cloud
    case selfHosted = "self_hosted"
}
