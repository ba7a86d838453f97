internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import Synchronization
internal import Wire

/// Follows a session's events and tells the board about them, over any number of connections.
///
/// The stream is opened first and read only after the whole history was applied, so no event is missed and events are
/// seen in their order.
struct SessionFeed: Sendable {
    let client: SessionClient
    let board: SessionBoard
    let logger: Logger
    /// A stream without a byte for so long is taken for dead.
    var silence = Duration.seconds(75)

    /// Returns when the session cannot be followed any longer, or when the task is cancelled.
    func run() async {
        var backoff = Backoff(first: .milliseconds(500), limit: .seconds(10))
        while !Task.isCancelled {
            let (error, hasReceived) = await follow()
            if hasReceived { backoff.reset() }
            if let error, !error.isRetryable, error.code != .cancelled, error.code != .malformed {
                if error.code == .notFound {
                    board.tell { $0.end(.finished) }
                } else {
                    logger.warning("session cannot be followed", metadata: ["code": "\(error.code)"])
                    board.tell { $0.failed() }
                }
                return
            }
            guard !Task.isCancelled else { return }
            logger.debug("event stream ended", metadata: ["code": "\(error.map { "\($0.code)" } ?? "closed")"])
            try? await Task.sleep(for: backoff.next(jitter: .random(in: 0...1)))
        }
    }

    /// One connection, until it ends. Its watchdog shares its life.
    private func follow() async -> (error: WorkerError?, hasReceived: Bool) {
        let pulse = Pulse()
        let error = await withTaskGroup(of: WorkerError?.self) { group in
            group.addTask {
                do throws(WorkerError) {
                    try await self.read(pulse)
                    return nil
                } catch {
                    return error
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: self.silence)
                    if !pulse.takeBeat() { break }
                }
                return WorkerError(.transport, "the event stream went silent")
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
        return (error, pulse.hasReceived)
    }

    private func read(_ pulse: Pulse) async throws(WorkerError) {
        let body = try await client.openStream()
        let history = try await client.history()
        board.tell { $0.historyRead(history, now: ContinuousClock().now) }
        pulse.beat(isEvent: false)
        var parser = SSEParser()
        do {
            for try await chunk in body {
                pulse.beat(isEvent: false)
                for frame in try parser.parse(Array(chunk.readableBytesView)) { try take(frame, pulse) }
            }
        } catch let error as WorkerError {
            throw error
        } catch let error as SSEError {
            throw WorkerError(.malformed, "the event stream cannot be read", cause: error)
        } catch {
            throw WorkerError(.transport, "the event stream broke", cause: error)
        }
    }

    private func take(_ frame: SSEFrame, _ pulse: Pulse) throws(WorkerError) {
        guard !frame.event.isEmpty, frame.event != "ping" else { return }
        guard frame.event != "error" else { throw WorkerError(.busy, "the event stream reports an error") }
        let json: JSON
        do { json = try JSON(parsing: frame.data) } catch {
            logger.warning("event is not JSON", metadata: ["code": "\(error)"])
            return
        }
        pulse.beat(isEvent: true)
        let event = SessionEvent(json)
        board.tell { $0.apply(event, now: ContinuousClock().now) }
    }

    /// Signs of life of one connection.
    private final class Pulse: Sendable {
        private let state = Mutex((isAlive: false, hasReceived: false))
        var hasReceived: Bool { state.withLock { $0.hasReceived } }
        func beat(isEvent: Bool) {
            state.withLock { state in
                state.isAlive = true
                if isEvent { state.hasReceived = true }
            }
        }
        /// True when there was a beat since the last question.
        func takeBeat() -> Bool {
            state.withLock { state in
                defer { state.isAlive = false }
                return state.isAlive
            }
        }
    }
}
