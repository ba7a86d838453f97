import Loop
import Testing
import Wire

@Suite struct ModelFailureTests {
    private let overload = ModelFailure(type: "model_overloaded_error", message: "busy", isRetryable: true)

    private func fail(_ log: inout LogBuilder, _ failure: ModelFailure) -> TurnMachine.AfterFailure? {
        guard let span = log.state.openSpan else { return nil }
        let after = log.machine.modelFailed(failure, log.state, span: span, log.make, usage: [:], jitter: 0)
        log.append(after.entries)
        return after
    }

    @Test func `a transient failure is repeated with growing waits`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        #expect(fail(&log, overload)?.delay == .milliseconds(500))
        #expect(log.state.phase == .rescheduling)
        #expect(log.openRequest() == .turn)
        #expect(fail(&log, overload)?.delay == .seconds(1))
        #expect(log.openRequest() == .turn)
        _ = log.respond("at last")
        #expect(log.state.attempts == 0)
        #expect(
            log.types.contains("session.status_rescheduled") && log.types.contains("session.thread_status_rescheduled"))
    }

    @Test func `the provider's advice wins when it is longer`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        var failure = overload
        failure.retryAfter = .seconds(7)
        #expect(fail(&log, failure)?.delay == .seconds(7))
    }

    @Test func `exhausted attempts end the turn, and a new message starts another`() {
        var log = LogBuilder(limits: LoopLimits(attempts: 2))
        log.message("go")
        _ = log.openRequest()
        _ = fail(&log, overload)
        _ = log.openRequest()
        #expect(fail(&log, overload)?.delay == nil)
        #expect(log.lastStopReason == "retries_exhausted")
        let statuses = log.log.compactMap { $0["error"]?["retry_status"]?["type"]?.stringValue }
        #expect(statuses == ["retrying", "exhausted"])
        #expect(log.settle() == .wait(needsWorker: false))
        log.message("again")
        #expect(log.openRequest() == .turn)
        #expect(log.state.attempts == 0)
    }

    @Test func `a failure that cannot pass ends the turn at once`() {
        var log = LogBuilder()
        log.message("go")
        _ = log.openRequest()
        let failure = ModelFailure(type: "model_request_failed_error", message: "bad request", isRetryable: false)
        #expect(fail(&log, failure)?.status == .idle)
    }

    @Test func `a context that is too long is compacted instead of given up`() {
        var log = LogBuilder()
        log.message("one")
        _ = log.openRequest()
        _ = log.respond("two")
        log.message("three")
        _ = log.openRequest()
        let failure = ModelFailure(
            type: "model_request_failed_error", message: "too long", isRetryable: false, isContextTooLong: true)
        #expect(fail(&log, failure)?.status == .running)
        #expect(log.openRequest() == .compaction)
    }
}
