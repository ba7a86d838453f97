internal import CLinux
internal import Glibc
internal import Logging
internal import Sandbox
internal import Wire

/// A hook that is a program of this host.
struct HookCommand: HookTransport {
    let path: String
    let arguments: [String]
    let environment: [String]
    let deadline: Duration
    let archiveDeadline: Duration
    let lane: BlockingLane
    let streams: HookStreams
    let logger: Logger

    private static let searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    init(
        path: String, arguments: [String], environment: [(name: String, value: String)], deadline: Duration,
        archiveDeadline: Duration, lane: BlockingLane, logger: Logger
    ) {
        self.path = path
        self.arguments = arguments
        let chosen = environment.map { "\($0.name)=\($0.value)" }
        self.environment = environment.contains { $0.name == "PATH" } ? chosen : chosen + [Self.searchPath]
        self.deadline = deadline
        self.archiveDeadline = archiveDeadline
        self.lane = lane
        self.logger = logger
        streams = HookStreams(lane: lane)
    }

    func call(_ verb: HookVerb, _ request: JSON, archive: Int32?) async throws(SandboxError) -> JSON? {
        let limit = archive == nil ? deadline : archiveDeadline
        let ran = await lane.run { [self] () -> Result<HookProcess.Result, SystemError> in
            var input: [UInt8] = []
            request.write(to: &input)
            input.append(UInt8(ascii: "\n"))
            do throws(SystemError) {
                return .success(
                    try HookProcess.run(
                        path, arguments + [verb.rawValue], environment: environment, input: input, archive: archive,
                        deadline: limit, outputLimit: HookLimits.answer))
            } catch {
                return .failure(error)
            }
        }
        let result: HookProcess.Result
        do { result = try ran.get() } catch { throw SandboxError(error) }
        switch result.end {
        case .timedOut: throw failure(verb, .timedOut, "did not end within \(limit)", result.complaint)
        case .overran: throw failure(verb, .protocolViolation, "answered with more than 1 MiB", result.complaint)
        case .killed(let signal): throw failure(verb, .unavailable, "was ended by signal \(signal)", result.complaint)
        case .exited(let code):
            switch HookOutcome(exitCode: code) {
            case .absent: return nil
            case .failed(let kind): throw failure(verb, kind, "ended with code \(code)", result.complaint)
            case .done: return try Self.answer(result.output, verb)
            }
        }
    }

    /// Nothing at all stands for an empty object.
    static func answer(_ bytes: [UInt8], _ verb: HookVerb) throws(SandboxError) -> JSON {
        guard bytes.contains(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else { return .object([:]) }
        let answer: JSON
        do { answer = try JSON(parsing: bytes, maximumDepth: HookLimits.depth) } catch {
            throw SandboxError(.protocolViolation, "the hook's answer to '\(verb.rawValue)' is no JSON: \(error)")
        }
        guard answer.objectValue != nil else {
            throw SandboxError(.protocolViolation, "the hook's answer to '\(verb.rawValue)' is no object")
        }
        return answer
    }

    private func failure(
        _ verb: HookVerb, _ code: SandboxError.Code, _ what: String, _ complaint: [UInt8]
    ) -> SandboxError {
        let words = String(peer: complaint)
        return SandboxError(code, "the hook's '\(verb.rawValue)' \(what)" + (words.isEmpty ? "" : ": \(words)"))
    }

    func connect(
        _ id: SandboxID, token: ExecdToken, gate: (any OutboundGate)?, within deadline: Duration
    ) async throws(SandboxError) -> ExecdClient? {
        let started = await lane.run { [self] in start(id) }
        let (pid, stream, messages): (Int32, Int32, Int32)
        do { (pid, stream, messages) = try started.get() } catch { throw SandboxError(error) }
        let complaint: HookStreams.Complaint
        do throws(SandboxError) { complaint = try await HookStreams.listen(to: messages) } catch {
            close(stream)
            _ = await lane.run { HookProcess.stop(pid, patience: 0) }
            throw error
        }
        let carrier = HookStreams.Carrier(pid: pid, complaint: complaint)
        do throws(SandboxError) {
            let client = try await ExecdClient.connect(
                descriptor: stream, token: token, gate: gate, deadline: deadline, logger: logger)
            streams.keep(carrier, of: id, until: client)
            return client
        } catch {
            // Where the stream has ended, the program's own end says why.
            let code = await streams.end(carrier, isOver: error.code == .lost && !Task.isCancelled)
            let words = complaint.text
            let message = words.isEmpty ? error.message : "\(error.message); the hook says: \(words)"
            switch code.flatMap({ HookOutcome(streamExitCode: $0) }) {
            case .absent: return nil
            case .failed: throw SandboxError(.unavailable, message, cause: error)
            case .done, nil: throw SandboxError(error.code, message, cause: error)
            }
        }
    }

    /// The stream is a socket pair, so that the program's standard input and output are one connection.
    private func start(_ id: SandboxID) -> Result<(Int32, Int32, Int32), SystemError> {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Self.closeOnExec, 0, &ends) == 0 else {
            return .failure(SystemError("socketpair"))
        }
        defer { close(ends[1]) }
        var pipe: [Int32] = [-1, -1]
        guard clinux_pipe(&pipe) == 0 else {
            close(ends[0])
            return .failure(SystemError("pipe"))
        }
        defer { close(pipe[1]) }
        do throws(SystemError) {
            let pid = try HostProgram.spawn(
                path, arguments + [HookVerb.connect.rawValue, id.rawValue],
                [(ends[1], 0), (ends[1], 1), (pipe[1], 2)], environment: environment)
            return .success((pid, ends[0], pipe[0]))
        } catch {
            close(ends[0])
            close(pipe[0])
            return .failure(error)
        }
    }

    private static let closeOnExec = Int32(SOCK_CLOEXEC.rawValue)

    func disconnected(_ id: SandboxID) async { await streams.ended(id) }

    func problem() async -> EngineReport.Problem? {
        let isThere = await lane.run { [path] in path.hasPrefix("/") && access(path, X_OK) == 0 }
        guard !isThere else { return nil }
        return EngineReport.Problem(
            summary: "the hook '\(path)' cannot be run",
            remedy: "name an executable file by its absolute path; docs/custom-engine.md says what it must do",
            isFatal: true)
    }
}
