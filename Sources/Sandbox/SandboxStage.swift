/// The steps between a claimed session and the first result of one of its tools.
public enum SandboxStage: String, Sendable, CaseIterable {
    /// From the queue's answer until the item is acknowledged.
    case claim
    /// Until the packages of the environment are there, when it names any.
    case packages
    /// Until the sandbox runs, or an existing one is found.
    case create
    /// From there until the daemon inside takes calls.
    case execdReady = "execd_ready"
    /// Until the agent's skills lie inside.
    case skills
    /// Until the memory stores are mounted.
    case memory
    /// From the start of the first call until its result.
    case firstTool = "first_tool"
}
