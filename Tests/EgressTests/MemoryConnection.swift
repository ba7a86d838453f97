import Sandbox
import Synchronization

/// A connection from inside whose program sends what it was told to, and closes its side at once or after the answer.
final class MemoryConnection: OutboundConnection {
    private struct State {
        var pieces: [[UInt8]]
        var received: [UInt8] = []
        var hasFinished = false
        var isReset = false
        var reader: CheckedContinuation<Void, Never>?
    }
    private let state: Mutex<State>
    private let closesAtOnce: Bool

    init(_ pieces: [[UInt8]], closesAtOnce: Bool = false) {
        state = Mutex(State(pieces: pieces))
        self.closesAtOnce = closesAtOnce
    }

    convenience init(_ text: String, closesAtOnce: Bool = false) {
        self.init([Array(text.utf8)], closesAtOnce: closesAtOnce)
    }

    /// What the program got.
    var answer: String { String(decoding: state.withLock { $0.received }, as: UTF8.self) }
    var bytes: [UInt8] { state.withLock { $0.received } }
    var hasFinished: Bool { state.withLock { $0.hasFinished } }
    var isReset: Bool { state.withLock { $0.isReset } }

    func read() async throws(SandboxError) -> [UInt8]? {
        while true {
            enum Step { case piece([UInt8]), end, broken, wait }
            let step: Step = state.withLock { state in
                if state.isReset { return .broken }
                if !state.pieces.isEmpty { return .piece(state.pieces.removeFirst()) }
                return closesAtOnce || state.hasFinished ? .end : .wait
            }
            switch step {
            case .piece(let bytes): return bytes
            case .end: return nil
            case .broken: throw Self.lost
            case .wait:
                await wait()
                if Task.isCancelled { throw Self.lost }
            }
        }
    }

    func write(_ bytes: [UInt8]) async throws(SandboxError) {
        let isOpen = state.withLock { state in
            guard !state.isReset, !state.hasFinished else { return false }
            state.received += bytes
            return true
        }
        guard isOpen else { throw Self.lost }
    }

    func finish() async {
        state.withLock { $0.hasFinished = true }
        wake()
    }

    func reset() async {
        state.withLock { $0.isReset = true }
        wake()
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if Task.isCancelled || state.isReset || state.hasFinished { return true }
                    state.reader = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
    }

    private func wake() {
        let reader = state.withLock { state in
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    private static var lost: SandboxError { SandboxError(.lost, "over") }
}
