internal import CLinux
internal import Glibc
internal import Sandbox

/// Runs an OCI runtime as a member of a sandbox's control groups, so that what it leaves behind is found there. Calls block.
struct RuntimeProgram: Sendable {
    let path: String
    let runtime: OCIRuntime
    let cgroupRoot: String

    /// The most files that a process inside may have open.
    private static let openFiles: UInt64 = 65_536
    private static let unshare = "/usr/bin/unshare"

    /// Runs it to its end.
    /// - Parameters:
    ///   - stream: its standard input and output; nil gives it an empty file and reads what it prints.
    ///   - listener: becomes descriptor 3 of the program.
    /// - Throws: ETIMEDOUT after the deadline, by when it is killed; EIO with what it printed when it failed.
    func run(
        _ arguments: [String], joining joins: [Int32], stream: Int32? = nil, listener: Int32? = nil,
        within deadline: Duration
    ) throws(SystemError) {
        // Not the null device: crun gives its standard streams to the user inside, who would own that of the host.
        let input = clinux_memory_file("input", nil, 0)
        let messages = clinux_memory_file("messages", nil, 0)
        defer { for file in [input, messages] where file >= 0 { close(file) } }
        guard input >= 0, messages >= 0 else { throw SystemError("memfd") }
        let passed = listener.map { [($0, ContainerBundle.listener)] } ?? []
        let pid = try spawn(
            arguments, joins, [(stream ?? input, 0), (stream ?? messages, 1), (messages, 2)] + passed)
        let status = try Self.wait(pid, within: deadline)
        guard clinux_did_exit(status) != 0, clinux_exit_status(status) == 0 else {
            throw SystemError("\(runtime.rawValue): \(Self.text(of: messages))", code: EIO)
        }
    }

    private func spawn(
        _ arguments: [String], _ joins: [Int32], _ descriptors: [(source: Int32, target: Int32)]
    ) throws(SystemError) -> Int32 {
        let maps = descriptors.map { clinux_descriptor_map(source: $0.source, target: $0.target) }
        let command = wrapped(arguments)
        let words = command.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let variables: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nil]
        defer { for variable in variables { free(variable) } }
        var pid: Int32 = 0
        var stage: Int32 = 0
        // SAFETY: the call copies nothing but returns only once the child has no more use for these pointers.
        let error = joins.withUnsafeBufferPointer { joins in
            maps.withUnsafeBufferPointer { maps in
                words.withUnsafeBufferPointer { words in
                    variables.withUnsafeBufferPointer { variables in
                        var launch = clinux_sandbox_launch()
                        launch.path = UnsafePointer(words[0])
                        launch.arguments = words.baseAddress
                        launch.environment = variables.baseAddress
                        launch.joins = joins.baseAddress
                        launch.join_count = joins.count
                        launch.maps = maps.baseAddress
                        launch.map_count = maps.count
                        launch.open_files = Self.openFiles
                        return clinux_sandbox_spawn(&pid, &launch, &stage)
                    }
                }
            }
        }
        guard error == 0 else { throw SystemError("start \(command[0]) (step \(stage))", code: error) }
        return pid
    }

    /// crun refuses hosts that have control groups of both versions with controllers in each, even when it is to leave groups
    /// alone. Then it runs where the second version is not mounted.
    private func wrapped(_ arguments: [String]) -> [String] {
        let unified = "\(cgroupRoot)/unified"
        guard runtime == .crun, HostFiles.facts("\(unified)/cgroup.procs") != nil else { return [path] + arguments }
        let script = "umount \"$0\" && exec \"$@\""
        return [Self.unshare, "--mount", "--propagation", "slave", "/bin/sh", "-c", script, unified, path] + arguments
    }

    private static func wait(_ pid: Int32, within deadline: Duration) throws(SystemError) -> Int32 {
        var status: Int32 = 0
        let handle = clinux_pidfd_open(pid)
        defer { if handle >= 0 { close(handle) } }
        var entry = pollfd(fd: handle, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(clamping: deadline.components.seconds * 1000)
        let isOver = handle >= 0 && poll(&entry, 1, milliseconds) > 0
        // Its children too: it leads a session of its own.
        if !isOver { for target in [-pid, pid] { kill(target, SIGKILL) } }
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard isOver else { throw SystemError("wait for the container runtime", code: ETIMEDOUT) }
        return status
    }

    private static func text(of file: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = pread(file, &buffer, buffer.count, 0)
        let lines = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n")
        return String(lines.joined(separator: "; ").unicodeScalars.filter { $0.value >= 0x20 }.map(Character.init))
            .prefix(400).description
    }
}
