internal import AsyncAlgorithms
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization
internal import Wire

/// Brings a person's stream and the worker that serves the session together, in this process.
final class StreamHub: Sendable {
    /// What a person asked for, waiting for a worker.
    struct Offer: Sendable {
        let id: String
        let target: JSON
        let pipe = StreamPipe()
    }
    private struct Waiting {
        var offer: Offer
        /// Told to a worker, which has not come yet.
        var isTold = false
    }
    private struct State {
        var waiting: [SessionID: [Waiting]] = [:]
        var workers: [SessionID: [UInt64: AsyncStream<Void>.Continuation]] = [:]
        var nextWorker: UInt64 = 0
    }
    private let state = Mutex(State())

    /// Streams of one session that wait for a worker.
    static let maximumWaiting = 16

    /// - Returns: false when too many wait already.
    func offer(_ offer: Offer, of session: SessionID) -> Bool {
        let isTaken = state.withLock { state in
            guard state.waiting[session, default: []].count < Self.maximumWaiting else { return false }
            state.waiting[session, default: []].append(Waiting(offer: offer))
            return true
        }
        if isTaken { wake(session) }
        return isTaken
    }

    /// Tells of a stream again: the worker that was told may have ended before it came.
    func remind(_ id: String, of session: SessionID) {
        state.withLock { state in
            guard let place = state.waiting[session]?.firstIndex(where: { $0.offer.id == id }) else { return }
            state.waiting[session]?[place].isTold = false
        }
        wake(session)
    }

    private func wake(_ session: SessionID) {
        let workers = state.withLock { Array($0.workers[session, default: [:]].values) }
        for worker in workers { worker.yield() }
    }

    /// The next stream that the session's worker is to serve; nil when none came in time.
    func next(of session: SessionID, within limit: Duration) async -> Offer? {
        let (wakeups, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.nextWorker += 1
            state.workers[session, default: [:]][state.nextWorker] = wake
            return state.nextWorker
        }
        defer {
            state.withLock { state in
                state.workers[session]?[number] = nil
                if state.workers[session]?.isEmpty ?? false { state.workers[session] = nil }
            }
        }
        let timer = Task {
            try? await Task.sleep(for: limit)
            wake.finish()
        }
        defer { timer.cancel() }
        if let offer = take(of: session) { return offer }
        // A server that stops does not wait for its workers' questions.
        return await withGracefulShutdownHandler {
            for await _ in wakeups { if let offer = take(of: session) { return offer } }
            return nil
        } onGracefulShutdown: {
            wake.finish()
        }
    }

    private func take(of session: SessionID) -> Offer? {
        state.withLock { state in
            guard let place = state.waiting[session]?.firstIndex(where: { !$0.isTold }) else { return nil }
            state.waiting[session]?[place].isTold = true
            return state.waiting[session]?[place].offer
        }
    }

    /// The worker's end of a stream that it was told of, once.
    func join(_ id: String, of session: SessionID) -> StreamPipe? {
        let pipe = remove(id, of: session)
        pipe?.joined.finish()
        return pipe
    }

    /// Takes back what no worker has joined.
    func withdraw(_ id: String, of session: SessionID) { _ = remove(id, of: session) }

    private func remove(_ id: String, of session: SessionID) -> StreamPipe? {
        state.withLock { state in
            guard let place = state.waiting[session]?.firstIndex(where: { $0.offer.id == id }) else { return nil }
            let pipe = state.waiting[session]?.remove(at: place).offer.pipe
            if state.waiting[session]?.isEmpty ?? false { state.waiting[session] = nil }
            return pipe
        }
    }
}

/// Both directions of one stream. A sender waits until the other side has taken what it sent.
final class StreamPipe: Sendable {
    let toSandbox = AsyncChannel<ByteBuffer>()
    let toPerson = AsyncChannel<ByteBuffer>()
    /// Finishes when the worker has come.
    let joined: AsyncStream<Void>.Continuation
    private let joining: AsyncStream<Void>

    init() { (joining, joined) = AsyncStream.makeStream(of: Void.self) }

    /// - Returns: whether the worker came in time.
    func waitForWorker(_ limit: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { [joining] in
                for await _ in joining {}
                return !Task.isCancelled
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    /// Ends both directions: one of the two is gone, or all is said.
    func close() {
        toSandbox.finish()
        toPerson.finish()
    }
}
