internal import CLinux
internal import Glibc

/// One run of a hook's program from its start to its end. Calls block.
struct HookProcess {
    enum End: Equatable {
        case exited(Int32), killed(Int32), timedOut
        /// It printed more than it may.
        case overran
    }
    struct Result {
        var end: End
        var output: [UInt8]
        /// The beginning of what it wrote to its standard error.
        var complaint: [UInt8]
    }

    private static let complaintLimit = 4096
    /// What its own end may take once it was told to.
    private static let killPatience: Int32 = 2000

    /// Runs the program with `input` on its standard input. Processes that it leaves behind after an end in time are let be;
    /// one that does not end in time is killed together with all of its session that it did not move away.
    /// - Parameter archive: becomes its descriptor 3.
    static func run(
        _ path: String, _ arguments: [String], environment: [String], input: [UInt8], archive: Int32?,
        deadline: Duration, outputLimit: Int
    ) throws(SystemError) -> Result {
        // A file, so that a program that does not read all of it holds up nobody.
        let request = clinux_memory_file("request", input, UInt64(input.count))
        guard request >= 0 else { throw SystemError("memfd") }
        defer { close(request) }
        let output = try Pipe()
        defer { output.close() }
        let complaint = try Pipe()
        defer { complaint.close() }
        var maps: [(source: Int32, target: Int32)] = [(request, 0), (output.writer, 1), (complaint.writer, 2)]
        if let archive { maps.append((archive, 3)) }
        let pid = try HostProgram.spawn(path, arguments, maps, environment: environment)
        output.closeWriter()
        complaint.closeWriter()
        let process = clinux_pidfd_open(pid)
        guard process >= 0 else {
            let error = SystemError("pidfd_open")
            kill(-pid, SIGKILL)
            _ = clinux_reap(pid, 1)
            throw error
        }
        defer { close(process) }
        return collect(pid, process, output, complaint, deadline, outputLimit)
    }

    private static func collect(
        _ pid: Int32, _ process: Int32, _ output: Pipe, _ complaint: Pipe, _ deadline: Duration, _ outputLimit: Int
    ) -> Result {
        let clock = ContinuousClock()
        let end = clock.now + deadline
        while true {
            var watched = [
                pollfd(fd: process, events: Int16(POLLIN), revents: 0),
                pollfd(fd: output.isOver ? -1 : output.reader, events: Int16(POLLIN), revents: 0),
                pollfd(fd: complaint.isOver ? -1 : complaint.reader, events: Int16(POLLIN), revents: 0),
            ]
            let rest = (end - clock.now) / Duration.milliseconds(1)
            guard rest > 0 else { return killed(pid, .timedOut, output, complaint) }
            guard poll(&watched, 3, Int32(min(rest, 60_000)) + 1) >= 0 || errno == EINTR else {
                return killed(pid, .timedOut, output, complaint)
            }
            output.drain(upTo: outputLimit + 1)
            complaint.drain(upTo: complaintLimit, discardingRest: true)
            if output.bytes.count > outputLimit { return killed(pid, .overran, output, complaint) }
            // Its end, not that of the pipes: what it leaves behind may hold them open.
            guard watched[0].revents != 0 else { continue }
            output.drain(upTo: outputLimit + 1)
            complaint.drain(upTo: complaintLimit, discardingRest: true)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            guard output.bytes.count <= outputLimit else {
                return Result(end: .overran, output: [], complaint: complaint.bytes)
            }
            let ended: End =
                clinux_did_exit(status) != 0
                ? .exited(clinux_exit_status(status)) : .killed(clinux_term_signal(status))
            return Result(end: ended, output: output.bytes, complaint: complaint.bytes)
        }
    }

    private static func killed(_ pid: Int32, _ end: End, _ output: Pipe, _ complaint: Pipe) -> Result {
        _ = stop(pid, patience: 0)
        complaint.drain(upTo: complaintLimit, discardingRest: true)
        return Result(end: end, output: [], complaint: complaint.bytes)
    }

    /// Waits for the end of a child, which is asked for and then forced on its whole process group.
    /// - Parameter patience: milliseconds that it may take by itself.
    /// - Returns: its exit code; nil when a signal ended it.
    static func stop(_ pid: Int32, patience: Int32) -> Int32? {
        let process = clinux_pidfd_open(pid)
        defer { if process >= 0 { close(process) } }
        for (wait, signal) in [(patience, SIGTERM), (killPatience, SIGKILL)] {
            var watched = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
            if process >= 0, poll(&watched, 1, wait) > 0 { break }
            kill(-pid, signal)
        }
        // The group's number is the child's, which is not free before it is waited for.
        kill(-pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return clinux_did_exit(status) != 0 ? clinux_exit_status(status) : nil
    }

    /// The reading end is ours, non-blocking and bounded.
    private final class Pipe {
        let reader: Int32
        private(set) var writer: Int32
        private(set) var bytes: [UInt8] = []
        private(set) var isOver = false

        init() throws(SystemError) {
            var ends: [Int32] = [-1, -1]
            guard clinux_pipe(&ends) == 0, clinux_set_nonblocking(ends[0], 1) == 0 else { throw SystemError("pipe") }
            (reader, writer) = (ends[0], ends[1])
        }

        func closeWriter() {
            guard writer >= 0 else { return }
            Glibc.close(writer)
            writer = -1
        }

        func close() {
            closeWriter()
            Glibc.close(reader)
        }

        /// Takes what is there. With `limit` bytes kept, more is left in the pipe, or thrown away.
        func drain(upTo limit: Int, discardingRest: Bool = false) {
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            // A writer that is faster than this loop must not hold it for ever.
            for _ in 0..<64 where !isOver && (discardingRest || bytes.count < limit) {
                let count = read(reader, &buffer, buffer.count)
                if count < 0 {
                    if errno == EAGAIN { return }
                    if errno == EINTR { continue }
                }
                guard count > 0 else {
                    isOver = true
                    return
                }
                bytes += buffer[..<min(count, max(0, limit - bytes.count))]
            }
        }
    }
}
