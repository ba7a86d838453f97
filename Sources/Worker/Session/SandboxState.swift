/// What a session's sandbox does now, as our own server shows it.
enum SandboxState: String, Sendable {
    case running
    case paused
    /// There is none; the files are kept.
    case none
}
