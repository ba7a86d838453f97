/// What execd found when a call arrived.
package enum CallAcceptance: UInt8, Sendable {
    /// New: journalled, and queued or running now.
    case started = 0
    /// Known and not settled yet: the result follows when it is there.
    case alreadyRunning
    /// Known and settled: the kept result follows at once.
    case alreadySettled
}
