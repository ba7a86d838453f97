internal import ExecdProtocol

/// What was asked of a daemon, by stream, and which messages may answer it. Knows no time, lock or connection.
struct RequestMachine {
    enum Request: Equatable {
        case hello, call, put, journal, stream, configure
    }
    enum Answer: Sendable, Equatable {
        case hello(DaemonInfo)
        case result(CallResult)
        case done
        case opened
        case journal([String: JournalEntry])
    }
    enum Step: Equatable {
        case nothing
        /// The request on the message's stream has its outcome.
        case settled
        /// The protocol does not allow the message; the rest of a sentence.
        case violation(String)
    }
    typealias Outcome = Result<Answer, SandboxError>

    private struct Entry {
        var request: Request
        var journal: [String: JournalEntry] = [:]
        var journalBytes = 0
        var outcome: Outcome?
    }

    /// Requests without an answer, at most.
    static let maximumOpen = 1024
    /// What a daemon keeps of its calls, with some room: entries, and bytes of ids and results.
    static let maximumEntries = 100_000
    static let maximumJournal = 128 << 20

    private var next: UInt32 = 1
    private var entries: [UInt32: Entry] = [:]
    /// Why nothing can be asked any more. The first reason stays.
    private(set) var end: SandboxError?

    /// Registers a request, which has to be taken later.
    /// - Returns: the stream to send it on.
    mutating func begin(_ request: Request) throws(SandboxError) -> UInt32 {
        if let end { throw end }
        guard entries.count < Self.maximumOpen else {
            throw SandboxError(.quotaExceeded, "the sandbox has \(Self.maximumOpen) requests under way already")
        }
        if request == .hello {
            entries[0] = Entry(request: request)
            return 0
        }
        guard next < UInt32.max - 2 else {
            throw SandboxError(.lost, "the connection has used all its streams: connect again")
        }
        defer { next += 2 }
        entries[next] = Entry(request: request)
        return next
    }

    /// Removes a settled request and gives its outcome; nil while there is none.
    mutating func take(_ stream: UInt32) -> Outcome? {
        guard let outcome = entries[stream]?.outcome else { return nil }
        entries[stream] = nil
        return outcome
    }

    /// Whether the request has not been taken yet.
    func isOpen(_ stream: UInt32) -> Bool { entries[stream] != nil }

    /// Settles a request that was never sent.
    mutating func fail(_ stream: UInt32) {
        entries[stream]?.outcome = .failure(SandboxError(.quotaExceeded, "it was never asked"))
    }

    func isWaiting(_ stream: UInt32) -> Bool { entries[stream].map { $0.outcome == nil } ?? false }

    mutating func receive(_ message: ExecdMessage, on stream: UInt32) -> Step {
        guard var entry = entries[stream], entry.outcome == nil else {
            // It may have crossed the frame that finished the stream, but not one that was never used.
            let wasUsed = stream % 2 == 1 && stream < next
            return wasUsed ? .nothing : .violation("a \(message.kind) on stream \(stream), which was never used")
        }
        switch (entry.request, message) {
        case (.call, .callAccepted), (.call, .output): return .nothing
        case (.journal, .journalEntry(let id, let result)):
            entry.journalBytes += id.utf8.count + (result?.size ?? 0)
            guard entry.journal.count < Self.maximumEntries, entry.journalBytes <= Self.maximumJournal else {
                return .violation("a journal without end")
            }
            // Moved out and in again: a copy of the entries for each message would cost their square.
            entries[stream] = nil
            entry.journal[id] = result.map { .settled(ToolResult($0)) } ?? .running
            entries[stream] = entry
            return .nothing
        case (.hello, .helloAck(let ack)):
            guard ack.version == ProtocolLimits.version, ack.workDirectory.hasPrefix("/") else {
                return .violation("a greeting of version \(ack.version)")
            }
            entry.outcome = .success(.hello(DaemonInfo(ack)))
        case (.call, .result(let result)): entry.outcome = .success(.result(result))
        case (.stream, .opened): entry.outcome = .success(.opened)
        case (.stream, .reset(let reason)):
            entry.outcome = .failure(
                SandboxError(
                    reason == .tooManyStreams ? .quotaExceeded : .unavailable,
                    reason == .tooManyStreams
                        ? "the sandbox has too many streams open" : "nothing inside takes the connection"))
        case (.put, .putDone), (.configure, .configured): entry.outcome = .success(.done)
        case (.journal, .journalEnd): entry.outcome = .success(.journal(entry.journal))
        case (_, .fault(let fault)): entry.outcome = .failure(SandboxError(fault))
        default: return .violation("a \(message.kind) for a \(entry.request)")
        }
        entries[stream] = entry
        return .settled
    }

    /// Fails everything that has no outcome, and everything asked later.
    /// - Returns: the streams that are settled by it.
    mutating func close(with error: SandboxError) -> [UInt32] {
        if end == nil { end = error }
        let open = entries.filter { $0.value.outcome == nil }.map(\.key)
        for stream in open { entries[stream]?.outcome = .failure(end ?? error) }
        return open
    }
}
