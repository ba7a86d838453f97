internal import Logging
internal import Sandbox
internal import Wire

/// Runs the calls of one session, one after the other, each at most once, and posts their results.
struct CallRunner: Sendable {
    let client: SessionClient
    let board: SessionBoard
    let holder: SandboxHolder
    let journal: CallJournal
    let start: StartReport
    /// Calls that a holder elsewhere may have started, as the server says.
    let interruptedCalls: Set<String>
    let logger: Logger

    /// How long a server has to answer an interrupted call itself before our own result is posted.
    static let answerPatience = Duration.seconds(1)

    /// Returns when the call is settled as far as this worker is concerned. Never throws.
    /// - Parameter cancel: opens when the tool is to be killed.
    func run(_ use: ToolUse, cancel: Latch) async {
        let result = await cancel.cancelling { await self.result(of: use) }
        if await post(result, answering: use.id) {
            do throws(WorkerError) { try await journal.settle(use.id) } catch {
                logger.error(
                    "call journal not written", metadata: ["code": "\(error.code)", "reason": "\(error.message)"])
            }
        }
        board.tell { $0.callFinished(use.id) }
    }

    private func result(of use: ToolUse) async -> ToolResult {
        let input: ToolCall.Input
        do throws(ToolInputError) { input = try use.checkedInput() } catch { return .failure(error.message) }
        let lease: SandboxHolder.Lease
        do throws(SandboxError) { lease = try await holder.lease() } catch {
            return .failure("The sandbox could not be started: \(error.message)")
        }
        // The journal inside answers for every call that its sandbox has seen; only what it has not seen may have died.
        if !lease.journalled.contains(use.id) {
            let isStarted = await journal.hasStarted(use.id)
            if isStarted || interruptedCalls.contains(use.id) { return .interruptedByRestart }
            do throws(WorkerError) { try await journal.start(use.id) } catch {
                logger.error(
                    "call journal not written", metadata: ["code": "\(error.code)", "reason": "\(error.message)"])
                return .failure("The call was not run: the worker could not write its journal.")
            }
        }
        do throws(SandboxError) {
            let begin = ContinuousClock.now
            let result = try await lease.sandbox.run(ToolCall(id: use.id, input: input))
            start.note(.firstTool, .now - begin)
            return result
        } catch {
            logger.warning(
                "call failed in the sandbox", metadata: ["tool": "\(use.name)", "code": "\(error.code)"])
            guard error.code == .lost || error.code == .protocolViolation else {
                return .failure("The sandbox could not run this call: \(error.message)")
            }
            await holder.markLost()
            return .failure(
                """
                The sandbox ended while this call ran (\(error.message)). It may have run partly and was not repeated. \
                The next call gets a fresh sandbox with the same files.
                """)
        }
    }

    /// True when the session has an answer to the call.
    private func post(_ result: ToolResult, answering id: String) async -> Bool {
        if board.ask({ $0.disposition(of: id) }) == .postUnlessAnswered { await waitForAnswer(to: id) }
        var event = result.event(answering: id)
        var backoff = Backoff(first: .seconds(1), limit: .seconds(30))
        var isReduced = false
        while !Task.isCancelled {
            guard board.ask({ $0.disposition(of: id) }) != .discard else { return board.ask { $0.isAnswered(id) } }
            do throws(WorkerError) {
                try await client.post(event)
                return true
            } catch {
                if error.code == .tooLarge, !isReduced {
                    isReduced = true
                    let reason = "The result of this call is too large to be sent. The call itself ran."
                    event = ToolResult.failure(reason).event(answering: id)
                    continue
                }
                guard error.isRetryable else {
                    if error.code != .cancelled {
                        logger.warning("result refused", metadata: ["code": "\(error.code)"])
                    }
                    return false
                }
                logger.debug("result not posted yet", metadata: ["code": "\(error.code)"])
                try? await Task.sleep(for: backoff.next(jitter: .random(in: 0...1)))
            }
        }
        return false
    }

    private func waitForAnswer(to id: String) async {
        let step = Duration.milliseconds(20)
        for _ in 0..<Int(Self.answerPatience / step) {
            guard board.ask({ $0.disposition(of: id) }) == .postUnlessAnswered, !Task.isCancelled else { return }
            try? await Task.sleep(for: step)
        }
    }
}
