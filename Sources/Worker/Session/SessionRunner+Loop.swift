internal import Logging
internal import Wire

extension SessionRunner {
    /// Performs the machine's actions until it ends. At most one call runs at a time.
    func loop(
        _ session: RemoteID, board: SessionBoard, holder: SandboxHolder, calls: CallRunner
    ) async -> SessionEnd {
        await withTaskGroup(of: Void.self) { group in
            var cancel = Latch()
            var abandon = Latch()
            while true {
                // The worker itself was cancelled: what runs is killed with it, and nothing more can be sent.
                if Task.isCancelled { board.tell { $0.end(.handedBack) } }
                switch board.ask({ $0.next(now: ContinuousClock().now) }) {
                case .run(let use):
                    let (cancelling, abandoning) = (Latch(), Latch())
                    (cancel, abandon) = (cancelling, abandoning)
                    group.addTask { await abandoning.cancelling { await calls.run(use, cancel: cancelling) } }
                case .cancelRunning:
                    cancel.open()
                case .abandonRunning(let isDetaching):
                    if isDetaching { await holder.detach() }
                    abandon.open()
                case .wait(let deadline):
                    roster.update(session, board.ask { $0.idleness }, board)
                    // A cancelled task cannot wait for the board any more; only the call is left to wait for.
                    if Task.isCancelled { await group.waitForAll() } else { await board.wait(until: deadline) }
                case .end(let end):
                    return end
                }
            }
        }
    }
}
