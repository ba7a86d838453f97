internal import CLinux
internal import Glibc

/// One living bash that runs command after command.
///
/// Bash reads one fixed line per command from its standard input; the command itself lies in a memory file, so nothing in
/// it can break the framing. The status comes back on a pipe of its own, and both descriptors are closed while the command
/// runs, so its children never hold them.
final class ShellProcess {
    private enum Slot {
        static let command: Int32 = 198
        static let status: Int32 = 199
    }
    private static let statusSize = 64
    private static let noStatus: Int32 = 255
    private static let line =
        "IFS= builtin read -r -d '' -u 198 __perimeter_command; "
        + "builtin eval \"$__perimeter_command\" </dev/null 198<&- 199>&-; builtin printf '%s\\n' \"$?\" >&199\n"
    /// Exports `NAME=value` and unsets bare names, up to an empty one. Nothing of it shows, whatever the shell's options are:
    /// a trace would print the values. A variable that the session made read-only stays as it is.
    private static let changeLine =
        "{ while IFS= builtin read -r -d '' -u 198 __perimeter_variable && [[ -n $__perimeter_variable ]]; do "
        + "case $__perimeter_variable in *=*) builtin export \"$__perimeter_variable\";; "
        + "*) builtin unset -v \"$__perimeter_variable\";; esac || builtin :; done; "
        + "builtin unset -v __perimeter_variable; } </dev/null >/dev/null 2>&1\n"

    let pid: pid_t
    /// Readable when bash has ended; nil on kernels that lack it.
    let end: Descriptor?
    /// Readable when a command's status is there.
    let status: Descriptor
    private let input: Descriptor
    private let command: Descriptor
    private var statusText: [UInt8] = []
    private let environment: ProgramEnvironment
    /// The variables that it has been told.
    private var told: [String]

    /// Starts bash.
    /// - Parameter output: the writing end of a pipe for everything its commands print.
    init(settings: ToolSettings, children: ChildTable, output: Descriptor) throws(SystemFailure) {
        var inputEnds: [Int32] = [-1, -1]
        var statusEnds: [Int32] = [-1, -1]
        guard clinux_pipe(&inputEnds) == 0 else { throw SystemFailure(errno, "pipe") }
        let inputReader = Descriptor(inputEnds[0])
        input = Descriptor(inputEnds[1])
        guard clinux_pipe(&statusEnds) == 0 else { throw SystemFailure(errno, "pipe") }
        status = Descriptor(statusEnds[0])
        let statusWriter = Descriptor(statusEnds[1])
        command = try Descriptor(opened: clinux_memfd_create("command"), "memfd_create")
        _ = clinux_set_nonblocking(status.raw, 1)
        environment = settings.environment
        told = environment.variables
        pid = try children.spawn(
            ChildTable.Program(
                path: "/bin/bash", arguments: ["bash", "--noprofile", "--norc"], environment: told,
                directory: settings.workDirectory,
                descriptors: [
                    (inputReader.raw, 0), (output.raw, 1), (output.raw, 2), (command.raw, Slot.command),
                    (statusWriter.raw, Slot.status),
                ]))
        let raw = clinux_pidfd_open(pid)
        end = raw >= 0 ? Descriptor(raw) : nil
        // When memory runs out the tools go before the daemon. Refused on some hosts, and then it is the kernel's choice.
        let score = open("/proc/\(pid)/oom_score_adj", O_WRONLY | O_CLOEXEC)
        if score >= 0 { try? Descriptor(score).write(Array("500\n".utf8)) }
    }

    /// Hands one command to bash, with the variables that changed since the last one. It must not contain a NUL byte.
    func start(_ text: String) throws(SystemFailure) {
        // A status that nobody asked for is not the answer to this command.
        _ = try? status.read(upTo: 1 << 16)
        statusText = []
        let current = environment.variables
        let change = EnvironmentChange(from: told, to: current)
        guard ftruncate(command.raw, 0) == 0, lseek(command.raw, 0, SEEK_SET) == 0 else {
            throw SystemFailure(errno, "ftruncate")
        }
        if !change.isEmpty { try command.write((change.entries + [""]).flatMap { Array($0.utf8) + [0] }) }
        try command.write(Array(text.utf8) + [0])
        guard lseek(command.raw, 0, SEEK_SET) == 0 else { throw SystemFailure(errno, "lseek") }
        try input.write(Array(((change.isEmpty ? "" : Self.changeLine) + Self.line).utf8))
        told = current
    }

    /// The status of the running command, once bash has reported it. What is no status counts as 255: programs of the session
    /// can write here too, through /proc, and spoil the status of their own command so; but they do not hold up the daemon.
    func takeStatus() -> Int32? {
        while statusText.count < Self.statusSize, let piece = try? status.read(upTo: Self.statusSize), !piece.isEmpty {
            statusText += piece
        }
        guard let newline = statusText.firstIndex(of: 0x0A) else {
            return statusText.count < Self.statusSize ? nil : Self.noStatus
        }
        return Int32(String(decoding: statusText[..<newline], as: UTF8.self)) ?? Self.noStatus
    }

    /// Ends bash itself. Its number may already belong to somebody else where there is no descriptor for it, which is why
    /// that way is only taken while nobody has its exit status.
    func kill() {
        if let end {
            _ = clinux_pidfd_send_signal(end.raw, SIGKILL)
        } else {
            _ = Glibc.kill(pid, SIGKILL)
        }
    }
}
