internal import CLinux
internal import Glibc
internal import Toolset

/// A shell that a person uses beside the tools: a child that no tool's interrupt ends.
struct AttachedShell {
    let pid: pid_t
    /// The terminal's master, or our end of the socket that is its standard streams.
    let stream: Descriptor
    let isTerminal: Bool

    /// - Parameters:
    ///   - columns: zero for plain streams, which `ssh` and scripts want.
    ///   - command: for `sh -c`; empty for an interactive login shell.
    init(
        columns: UInt16, rows: UInt16, command: String, settings: ToolSettings, children: ChildTable
    ) throws(SystemFailure) {
        let shell = access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh"
        var program = ChildTable.Program(
            path: shell, arguments: command.isEmpty ? [shell, "-l"] : [shell, "-c", command],
            environment: settings.environment.variables, directory: settings.workDirectory, descriptors: [])
        isTerminal = columns > 0
        if isTerminal {
            program.environment.removeAll { $0.hasPrefix("TERM=") }
            program.environment.append("TERM=xterm-256color")
            var name = [CChar](repeating: 0, count: 64)
            stream = try Descriptor(
                opened: clinux_open_terminal(columns, max(rows, 1), &name, name.count), "open a terminal")
            program.terminal = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            pid = try children.spawn(program)
        } else {
            var ends: [Int32] = [-1, -1]
            guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
                throw SystemFailure(errno, "socketpair")
            }
            stream = Descriptor(ends[0])
            let other = Descriptor(ends[1])
            _ = clinux_set_nonblocking(stream.raw, 1)
            program.descriptors = [(other.raw, 0), (other.raw, 1), (other.raw, 2)]
            pid = try children.spawn(program)
        }
    }

    func resize(_ columns: UInt16, _ rows: UInt16) {
        guard isTerminal else { return }
        _ = clinux_resize_terminal(stream.raw, max(columns, 1), max(rows, 1))
    }

    /// The person is gone: what runs in the foreground hears so, as when a line is cut.
    func hangUp() {
        kill(-pid, SIGHUP)
        kill(-pid, SIGCONT)
    }
}
