internal import Glibc
internal import Synchronization

/// Runs blocking system calls on threads of its own, away from those of Swift's concurrency.
///
/// Taking down a file system can wait long for a busy disk; with a few shared threads that would hold up every other sandbox.
/// A thread exists only while there is work. A caller waits while all are busy, so no more wait than there are callers.
final class BlockingLane: Sendable {
    private struct Job: Sendable {
        var number: UInt64
        var body: @Sendable () -> Void
    }

    private struct State {
        var threads = 0
        var submitted: UInt64 = 0
        var queue: [Job] = []
    }

    private let threadLimit: Int
    private let state = Mutex(State())

    init(threadLimit: Int) { self.threadLimit = threadLimit }

    /// The result of `body`. Cancellation does not interrupt it.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            submit { continuation.resume(returning: body()) }
        }
    }

    /// Runs `body` some time, without waiting for it.
    func submit(_ body: @escaping @Sendable () -> Void) {
        let (number, needsThread) = state.withLock { state in
            state.submitted += 1
            state.queue.append(Job(number: state.submitted, body: body))
            let needsThread = state.threads < threadLimit
            if needsThread { state.threads += 1 }
            return (state.submitted, needsThread)
        }
        guard needsThread, !startThread() else { return }
        // Without a new thread the job is left to a running one; where there is none it is done here.
        let isLeft = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0, let place = state.queue.firstIndex(where: { $0.number == number }) else {
                return false
            }
            state.queue.remove(at: place)
            return true
        }
        if isLeft { body() }
    }

    private func startThread() -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let lane = Unmanaged.passRetained(self)
        let failure = pthread_create(
            &thread, &attributes,
            { argument in
                // SAFETY: the pointer is the lane that `startThread` retained once for this thread.
                guard let argument else { return nil }
                Unmanaged<BlockingLane>.fromOpaque(argument).takeRetainedValue().work()
                return nil
            }, lane.toOpaque())
        if failure != 0 { lane.release() }
        return failure == 0
    }

    private func work() {
        while true {
            let job = state.withLock { state -> Job? in
                guard !state.queue.isEmpty else {
                    state.threads -= 1
                    return nil
                }
                return state.queue.removeFirst()
            }
            guard let job else { return }
            job.body()
        }
    }
}
