internal import ExecdProtocol
internal import Synchronization

/// What was asked of a daemon and has no answer yet, by stream.
final class RequestTable: Sendable {
    enum Request {
        case hello
        case call
        case put
        /// With the entries that came so far.
        case journal([String: JournalEntry])
    }
    enum Answer: Sendable {
        case hello
        case result(CallResult)
        case done
        case journal([String: JournalEntry])
    }
    typealias Waiter = CheckedContinuation<Result<Answer, SandboxError>, Never>

    private struct State {
        var next: UInt32 = 1
        var open: [UInt32: (request: Request, waiter: Waiter)] = [:]
        /// Faults of requests that nobody waits for yet, such as a file that was refused while it was being sent.
        var early: [UInt32: SandboxError] = [:]
        var end: SandboxError?
    }
    private let state = Mutex(State())
    private static let earlyLimit = 64

    var isClosed: Bool { state.withLock { $0.end != nil } }

    /// - Throws: why the connection is over.
    func newStream() throws(SandboxError) -> UInt32 {
        let result: Result<UInt32, SandboxError> = state.withLock { state in
            if let end = state.end { return .failure(end) }
            guard state.next < UInt32.max - 2 else {
                return .failure(SandboxError(.lost, "the connection has used all its streams"))
            }
            defer { state.next += 2 }
            return .success(state.next)
        }
        return try result.get()
    }

    /// Registers a request, sends it, and waits for its answer or for the end of the connection.
    func ask(_ request: Request, on stream: UInt32, send: () -> Void) async -> Result<Answer, SandboxError> {
        await withCheckedContinuation { waiter in
            let known: SandboxError? = state.withLock { state in
                if let error = state.end ?? state.early.removeValue(forKey: stream) { return error }
                state.open[stream] = (request, waiter)
                return nil
            }
            if let known { return waiter.resume(returning: .failure(known)) }
            send()
        }
    }

    /// Takes a message that belongs to a request.
    /// - Returns: false when it does not fit what was asked on its stream.
    func receive(_ message: ExecdMessage, on stream: UInt32) -> Bool {
        let (isFit, waiter, answer) = state.withLock { state -> (Bool, Waiter?, Result<Answer, SandboxError>?) in
            if case .fault(let fault) = message {
                let error = SandboxError(fault)
                guard let entry = state.open.removeValue(forKey: stream) else {
                    if state.early.count < Self.earlyLimit { state.early[stream] = error }
                    return (true, nil, nil)
                }
                return (true, entry.waiter, .failure(error))
            }
            guard let entry = state.open[stream] else { return (true, nil, nil) }
            switch (entry.request, message) {
            case (.call, .callAccepted), (.call, .output): return (true, nil, nil)
            case (.journal(var entries), .journalEntry(let id, let result)):
                entries[id] = result.map { .settled(ToolResult($0)) } ?? .running
                state.open[stream] = (.journal(entries), entry.waiter)
                return (true, nil, nil)
            default: break
            }
            let answer: Answer
            switch (entry.request, message) {
            case (.hello, .helloAck): answer = .hello
            case (.call, .result(let result)): answer = .result(result)
            case (.put, .putDone): answer = .done
            case (.journal(let entries), .journalEnd): answer = .journal(entries)
            default: return (false, nil, nil)
            }
            state.open[stream] = nil
            return (true, entry.waiter, .success(answer))
        }
        if let answer { waiter?.resume(returning: answer) }
        return isFit
    }

    /// Fails everything that waits, now and later. The first reason stays.
    func close(with error: SandboxError) {
        let waiters = state.withLock { state in
            if state.end == nil { state.end = error }
            defer { state.open = [:] }
            return state.open.values.map(\.waiter)
        }
        for waiter in waiters { waiter.resume(returning: .failure(error)) }
    }
}

extension SandboxError {
    init(_ fault: Fault) {
        switch fault.code {
        case .violation: self.init(.protocolViolation, fault.message)
        case .denied, .failed: self.init(.unsupported, fault.message)
        case .exhausted: self.init(.quotaExceeded, fault.message)
        case .replaced: self.init(.lost, fault.message)
        }
    }
}
