internal import Egress
internal import Logging
internal import Synchronization

/// Writes refusals of one session's gate to the worker's log, so many a minute at most: a program inside decides how many
/// there are. The request log of the environment has all of them.
final class DenialLog: Sendable {
    private struct State {
        var minute: ContinuousClock.Instant
        var lines = 0
        var omitted = 0
    }
    private static let linesPerMinute = 60

    private let logger: Logger
    private let state: Mutex<State>

    init(logger: Logger, environment: RemoteID, session: RemoteID, now: ContinuousClock.Instant = .now) {
        var logger = logger
        logger[metadataKey: "environment_id"] = "\(environment)"
        logger[metadataKey: "session_id"] = "\(session)"
        self.logger = logger
        state = Mutex(State(minute: now))
    }

    func add(_ record: EgressRecord, _ reason: String, now: ContinuousClock.Instant = .now) {
        let omitted = state.withLock { state -> Int? in
            if now - state.minute >= .seconds(60) { (state.minute, state.lines) = (now, 0) }
            guard state.lines < Self.linesPerMinute else {
                state.omitted += 1
                return nil
            }
            state.lines += 1
            defer { state.omitted = 0 }
            return state.omitted
        }
        guard let omitted else { return }
        var facts: Logger.Metadata = [
            "host": "\(record.host)", "port": "\(record.port)", "method": "\(record.method)", "reason": "\(reason)",
        ]
        if omitted > 0 { facts["lines_omitted_before"] = "\(omitted)" }
        logger.info("egress denied", metadata: facts)
    }
}
