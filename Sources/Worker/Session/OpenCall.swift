/// A call without an answer, and how far it is.
struct OpenCall: Sendable, Equatable {
    enum Stage: Sendable, Equatable {
        /// Waits for a verdict of a person.
        case held
        case ready
        case running
    }
    var use: ToolUse
    var stage: Stage
    /// The running call is to end now; its result may still be of use.
    var isCancelled = false
    var isInterrupted = false
    /// Its answer is in the log, whoever wrote it.
    var isAnswered = false
}
