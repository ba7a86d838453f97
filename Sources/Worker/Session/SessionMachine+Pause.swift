extension SessionMachine {
    /// Whether the sandbox may be paused.
    enum PauseAnswer: Equatable, Sendable {
        /// Nothing begins in the sandbox until ``endPause()``.
        case begun
        case refused(String)
        /// It is not known yet what goes on in the session.
        case unknown
    }

    /// Somebody asks for a pause, over a stream of their own that is held.
    mutating func beginPause() -> PauseAnswer {
        guard !isLeaving else { return .refused("its worker is just leaving the session: try again") }
        guard isKnown else { return .unknown }
        guard !isPausing else { return .refused("it is being paused already") }
        guard open.allSatisfy({ $0.stage == .held }) else {
            return .refused("a tool call runs: wait for its end, or send user.interrupt")
        }
        guard holds <= 1 else { return .refused("people have streams open into it: close them first") }
        isPausing = true
        return .begun
    }

    mutating func endPause() { isPausing = false }
}
