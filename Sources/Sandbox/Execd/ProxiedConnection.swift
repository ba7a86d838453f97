internal import ExecdProtocol
internal import Synchronization

/// One byte stream to or from inside, bounded both ways by credit: the driver of its ``StreamMachine``.
final class ProxiedConnection: SandboxStream {
    private enum Side: CaseIterable { case reader, writer, watcher }
    private struct State {
        var machine = StreamMachine()
        var exitCode: Int32?
        var waiters: [Side: CheckedContinuation<Void, Never>] = [:]
    }

    private let stream: UInt32
    private let outlet: FrameOutlet
    private let onEnd: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameter onEnd: called, once or more, when the stream is finished.
    init(stream: UInt32, outlet: FrameOutlet, onEnd: @escaping @Sendable () -> Void) {
        self.stream = stream
        self.outlet = outlet
        self.onEnd = onEnd
    }

    func read() async throws(SandboxError) -> [UInt8]? {
        while true {
            switch state.withLock({ $0.machine.take() }) {
            case .bytes(let bytes, let grant):
                if grant > 0 { outlet.reply(.window(UInt32(grant)), on: stream) }
                return bytes
            case .end: return nil
            case .broken: throw Self.lost
            case .wait:
                await wait(.reader) { $0.canRead }
                if Task.isCancelled { throw Self.lost }
            }
        }
    }

    func write(_ bytes: [UInt8]) async throws(SandboxError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch state.withLock({ $0.machine.reserve(rest.count) }) {
            case .count(let count):
                try await outlet.write(.data(Array(rest.prefix(count))), on: stream)
                rest = rest.dropFirst(count)
            case .broken: throw Self.lost
            case .wait:
                await wait(.writer) { $0.canWrite }
                if Task.isCancelled { throw Self.lost }
            }
        }
    }

    func finish() async {
        let (isNews, isOver) = state.withLock { ($0.machine.finish(), $0.machine.isOver) }
        if isNews { outlet.reply(.end, on: stream) }
        if isOver { onEnd() }
    }

    func reset() async {
        let isNews = state.withLock { $0.machine.reset() }
        wake(Side.allCases)
        if isNews { outlet.reply(.reset(.unspecified), on: stream) }
        onEnd()
    }

    var exitCode: Int32? { state.withLock { $0.exitCode } }

    func exited(_ code: Int32) { state.withLock { $0.exitCode = code } }

    func resize(columns: UInt16, rows: UInt16) async {
        outlet.send(.resize(columns: columns, rows: rows), on: stream)
    }

    /// Returns once the stream is broken or over in order, or when cancelled.
    func untilEnded() async {
        await wait(.watcher) { $0.isBroken || $0.isOver }
    }

    /// - Returns: false when the daemon sent more than it was allowed to.
    func received(_ bytes: [UInt8]) -> Bool {
        defer { wake([.reader]) }
        return state.withLock { $0.machine.receive(bytes) }
    }

    /// - Returns: false when the credit goes beyond all sense.
    func granted(_ credit: UInt32) -> Bool {
        defer { wake([.writer]) }
        return state.withLock { $0.machine.grant(credit) }
    }

    /// - Returns: false when the daemon had ended it before.
    func ended() -> Bool {
        let (isNews, isOver) = state.withLock { ($0.machine.end(), $0.machine.isOver) }
        wake([.reader])
        if isOver { onEnd() }
        return isNews
    }

    /// Ends both directions without a word to the daemon.
    func broken() {
        state.withLock { _ = $0.machine.reset() }
        wake(Side.allCases)
    }

    private func wait(_ side: Side, until isReady: @Sendable (borrowing StreamMachine) -> Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if Task.isCancelled || isReady(state.machine) { return true }
                    state.waiters[side] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            wake([side])
        }
    }

    private func wake(_ sides: [Side]) {
        let waiters = state.withLock { state in sides.compactMap { state.waiters.removeValue(forKey: $0) } }
        for waiter in waiters { waiter.resume() }
    }

    private static var lost: SandboxError { SandboxError(.lost, "the stream to the sandbox is over") }
}
