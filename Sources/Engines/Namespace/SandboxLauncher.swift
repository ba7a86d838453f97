internal import CLinux
internal import Glibc
internal import Sandbox

/// Starts bubblewrap for one sandbox. Calls block.
struct SandboxLauncher: Sendable {
    let configuration: NamespaceConfiguration
    let paths: EnginePaths
    let groups: ControlGroups
    let disk: WorkDisk
    let isRoot: Bool

    private static let setpriv = "/usr/bin/setpriv"

    /// The user on the host that a sandbox runs as: far from all real ones, the same for the same session, so that the
    /// files of its work directory stay its own.
    func hostUser(_ id: SandboxID) -> UInt32 {
        isRoot ? 0x1000_0000 + UInt32(truncatingIfNeeded: StableHash.of(id.rawValue)) & 0x0FFF_FFFF : getuid()
    }

    /// Starts a sandbox whose work directory and groups exist already.
    /// - Returns: the file that takes the messages of bubblewrap; the ledger is on disk by then.
    func launch(_ spec: SandboxSpec) throws(SystemError) -> Int32 {
        let sandbox = paths.sandbox(spec.id)
        let listener = clinux_listen_unix(sandbox.socket)
        guard listener >= 0 else { throw SystemError("listen at \(sandbox.socket)") }
        defer { close(listener) }
        guard chmod(sandbox.socket, 0o600) == 0 else { throw SystemError("chmod \(sandbox.socket)") }
        let filter = SeccompFilter().bytes
        let seccomp = clinux_memory_file("seccomp", filter, UInt64(filter.count))
        guard seccomp >= 0 else { throw SystemError("memfd") }
        defer { close(seccomp) }
        let messages = clinux_memory_file("messages", nil, 0)
        guard messages >= 0 else { throw SystemError("memfd") }
        do throws(SystemError) {
            try start(spec, listener, seccomp, messages)
            return messages
        } catch {
            close(messages)
            throw error
        }
    }

    private func start(
        _ spec: SandboxSpec, _ listener: Int32, _ seccomp: Int32, _ messages: Int32
    ) throws(SystemError) {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { throw SystemError("open /dev/null") }
        defer { close(null) }
        var pipe: [Int32] = [-1, -1]
        guard clinux_pipe(&pipe) == 0 else { throw SystemError("pipe") }
        var (reader, writer) = (pipe[0], pipe[1])
        defer { for end in [reader, writer] where end >= 0 { close(end) } }
        _ = clinux_set_nonblocking(writer, 0)
        _ = clinux_set_nonblocking(reader, 0)
        let hasProxy = spec.network != .none
        let arguments = arguments(spec, hasProxy)
        let (program, words) = command(spec.id, arguments)
        let pid = try HostProgram.spawn(
            program, words,
            [
                (null, 0), (null, 1), (messages, 2), (listener, BubblewrapArguments.Descriptor.listener),
                (reader, BubblewrapArguments.Descriptor.arguments), (seccomp, BubblewrapArguments.Descriptor.seccomp),
            ])
        close(reader)
        reader = -1
        do throws(SystemError) {
            // Bubblewrap waits for its arguments: until they come, nothing of the sandbox runs outside of its groups.
            try groups.add(pid, to: spec.id)
            guard let startedAt = SandboxLedger.startTime(of: pid) else {
                throw SystemError("bubblewrap ended at once", code: ECHILD)
            }
            let ledger = SandboxLedger(pid: pid, startedAt: startedAt, hasProxy: hasProxy)
            try HostFiles.write(ledger.text, to: paths.sandbox(spec.id).ledger, mode: 0o600)
            let bytes: [UInt8] = arguments.options.flatMap { Array($0.utf8) + [0] }
            guard HostFiles.writeAll(bytes, to: writer) else { throw SystemError("bubblewrap took no arguments") }
            close(writer)
            writer = -1
        } catch {
            kill(pid, SIGKILL)
            _ = clinux_reap(pid, 1)
            throw error
        }
    }

    private func command(
        _ id: SandboxID, _ arguments: BubblewrapArguments
    ) -> (program: String, words: [String]) {
        let bubblewrap = ["--args", "\(BubblewrapArguments.Descriptor.arguments)", "--"] + arguments.command
        guard isRoot else { return (configuration.bubblewrapPath, bubblewrap) }
        let user = "\(hostUser(id))"
        return (
            Self.setpriv,
            ["--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs", "--", configuration.bubblewrapPath]
                + bubblewrap
        )
    }

    private func arguments(_ spec: SandboxSpec, _ hasProxy: Bool) -> BubblewrapArguments {
        BubblewrapArguments(
            work: disk.source(spec.id), execdSource: paths.execd, etc: paths.etc, hasProxy: hasProxy,
            limits: spec.limits, environment: spec.environment, rootLinks: Self.rootLinks())
    }

    /// The folders of the host's root that programs need, as links where the host has links.
    private static func rootLinks() -> [(name: String, target: String?)] {
        ["bin", "sbin", "lib", "lib32", "lib64"].compactMap { name in
            var facts = stat()
            guard lstat("/\(name)", &facts) == 0 else { return nil }
            guard facts.st_mode & S_IFMT == S_IFLNK else { return (name, nil) }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = buffer.withUnsafeMutableBytes { bytes in
                bytes.withMemoryRebound(to: CChar.self) { text in
                    text.baseAddress.map { readlink("/\(name)", $0, text.count) } ?? -1
                }
            }
            return count > 0 ? (name, String(decoding: buffer[..<count], as: UTF8.self)) : nil
        }
    }
}
