internal import CLinux
internal import Glibc
internal import Logging
internal import Sandbox

/// Starts bubblewrap for one sandbox. Calls block.
struct SandboxLauncher: Sendable {
    let configuration: NamespaceConfiguration
    let paths: EnginePaths
    let groups: ControlGroups
    let disk: WorkDisk
    let isRoot: Bool
    let logger: Logger

    /// The most files that a process inside may have open.
    private static let openFiles: UInt64 = 65_536
    private static let filter = SeccompFilter().bytes

    /// The user on the host that a sandbox runs as: far from all real ones, the same for the same session, so that the
    /// files of its work directory stay its own.
    func hostUser(_ id: SandboxID) -> UInt32 {
        isRoot ? ConfinedProgram.user(of: id) : getuid()
    }

    /// Starts a sandbox whose work directory and groups exist already.
    /// - Parameter devices: of the host, for the sandbox's `/dev`.
    /// - Returns: the file that takes the messages of bubblewrap; the ledger is on disk by then.
    func launch(
        _ spec: SandboxSpec, _ view: SystemMounts.View?, _ devices: [GraphicsInventory.Node]
    ) throws(SystemError) -> Int32 {
        let sandbox = paths.sandbox(spec.id)
        let listener = clinux_listen_unix(sandbox.socket)
        guard listener >= 0 else { throw SystemError("listen at \(sandbox.socket)") }
        defer { close(listener) }
        guard chmod(sandbox.socket, 0o600) == 0 else { throw SystemError("chmod \(sandbox.socket)") }
        let seccomp = clinux_memory_file("seccomp", Self.filter, UInt64(Self.filter.count))
        guard seccomp >= 0 else { throw SystemError("memfd") }
        defer { close(seccomp) }
        let messages = clinux_memory_file("messages", nil, 0)
        guard messages >= 0 else { throw SystemError("memfd") }
        do throws(SystemError) {
            try start(spec, view, devices, listener, seccomp, messages)
            return messages
        } catch {
            close(messages)
            throw error
        }
    }

    private func start(
        _ spec: SandboxSpec, _ view: SystemMounts.View?, _ devices: [GraphicsInventory.Node], _ listener: Int32,
        _ seccomp: Int32, _ messages: Int32
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
        let names = hasProxy && isRoot ? try NameAccess() : nil
        defer { names?.close() }
        var arguments = arguments(spec, view, hasProxy)
        arguments.waitsForNetwork = names != nil
        arguments.devices = devices.map { ($0.path, $0.name) }
        let pid = try spawn(
            spec.id, view, ["--args", "\(BubblewrapArguments.Descriptor.arguments)", "--"] + arguments.command,
            [
                (null, 0), (null, 1), (messages, 2), (listener, BubblewrapArguments.Descriptor.listener),
                (reader, BubblewrapArguments.Descriptor.arguments), (seccomp, BubblewrapArguments.Descriptor.seccomp),
            ] + (names?.descriptors ?? []))
        names?.isStarted()
        close(reader)
        reader = -1
        do throws(SystemError) {
            // Bubblewrap waits for its arguments: nothing of the sandbox runs before the ledger names it.
            guard let startedAt = SandboxLedger.startTime(of: pid) else {
                throw SystemError("bubblewrap ended at once", code: ECHILD)
            }
            let ledger = SandboxLedger(pid: pid, startedAt: startedAt, hasProxy: hasProxy)
            try HostFiles.write(ledger.text, to: paths.sandbox(spec.id).ledger, mode: 0o600)
            let bytes: [UInt8] = arguments.options.flatMap { Array($0.utf8) + [0] }
            guard HostFiles.writeAll(bytes, to: writer) else { throw SystemError("bubblewrap took no arguments") }
            close(writer)
            writer = -1
            if let names, let problem = names.open() {
                logger.warning(
                    "programs of a sandbox cannot look names up",
                    metadata: ["sandbox_id": "\(spec.id)", "reason": "\(problem)"])
            }
        } catch {
            kill(pid, SIGKILL)
            _ = clinux_reap(pid, 1)
            throw error
        }
    }

    /// Starts bubblewrap as a member of the sandbox's groups and, as root, as the sandbox's own user.
    private func spawn(
        _ id: SandboxID, _ view: SystemMounts.View?, _ arguments: [String],
        _ descriptors: [(source: Int32, target: Int32)]
    ) throws(SystemError) -> Int32 {
        let program = ConfinedProgram(
            path: configuration.bubblewrapPath, arguments: arguments,
            descriptors: descriptors.sorted { $0.target < $1.target }.map(\.source),
            user: view?.userNamespace != nil ? 0 : isRoot ? hostUser(id) : nil, userNamespace: view?.userNamespace,
            openFiles: Self.openFiles)
        return try program.start(in: groups, of: id)
    }

    private func arguments(
        _ spec: SandboxSpec, _ view: SystemMounts.View?, _ hasProxy: Bool
    ) -> BubblewrapArguments {
        BubblewrapArguments(
            work: disk.source(spec.id), execdSource: paths.execd, etc: paths.etc, hasProxy: hasProxy,
            limits: spec.limits, rootLinks: Self.rootLinks(), view: view)
    }

    /// The folders of the host's root that programs need, as links where the host has links.
    private static func rootLinks() -> [(name: String, target: String?)] {
        ["bin", "sbin", "lib", "lib32", "lib64"].compactMap { name in
            var facts = stat()
            guard lstat("/\(name)", &facts) == 0 else { return nil }
            guard facts.st_mode & S_IFMT == S_IFLNK else { return (name, nil) }
            return HostFiles.link("/\(name)").map { (name, $0) }
        }
    }
}
