internal import Glibc
internal import Logging
internal import Sandbox

/// Containers with a kernel of their own, which is gVisor's.
extension OCIEngine {
    /// Loading and saving memory takes a second for some hundred MiB.
    static let memoryDeadline = Duration.seconds(120)
    /// For the last holder's end of the daemon's stream to be gone.
    private static let bridgeAttempts = 2000
    private static let bridgePause: UInt32 = 5000

    func runsc(_ id: SandboxID) -> RunscCommand {
        RunscCommand(platform: configuration.platform, state: runtimeState(id), name: containerName(id))
    }

    private func recordPath(_ id: SandboxID) -> String { paths.sandbox(id).folder + "/container" }

    /// What is known of a living container; nil where there is none.
    func record(_ id: SandboxID) -> ContainerRecord? {
        HostFiles.text(recordPath(id)).flatMap { ContainerRecord(parsing: $0) }
    }

    /// Who can read memory that is saved now: it holds on to the files that its programs run from.
    func memoryFormat() throws(SystemError) -> String {
        let runtime = configuration.runtime
        guard let path = runtime.path(chosen: configuration.runtimePath) else {
            throw SystemError("find \(configuration.runtimePath ?? runtime.rawValue)", code: ENOENT)
        }
        var parts = [configuration.platform.rawValue]
        for path in [path, configuration.execdPath, try rootfs()] {
            var facts = stat()
            guard stat(path, &facts) == 0 else { throw SystemError("look at \(path)") }
            let numbers = "\(facts.st_ino).\(facts.st_size).\(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)"
            parts.append(String(StableHash.of(path + numbers), radix: 36))
        }
        return parts.joined(separator: "-")
    }

    /// Starts the container of a sandbox whose groups, work directory and root are there.
    /// - Parameter image: the saved memory that its programs go on from.
    func startGuest(_ spec: SandboxSpec, _ record: ContainerRecord, from image: String?) throws(SystemError) {
        var described = spec
        // What is known inside stays as it was when the memory was saved.
        described.limits.memoryBytes = record.memoryBytes
        described.limits.processes = record.processes
        try writeBundle(described, record.token)
        let command = runsc(spec.id)
        let (folder, pidFile) = (bundle(spec.id), pidFile(spec.id))
        try HostFiles.write(record.text, to: recordPath(spec.id), mode: 0o600)
        if let image {
            try runRuntime(
                spec.id, command.restore(image, bundle: folder, pidFile: pidFile), within: Self.memoryDeadline)
        } else {
            try runRuntime(
                spec.id, command.run(bundle: folder, pidFile: pidFile), within: configuration.startDeadline)
        }
        try writeLedger(spec)
    }

    /// A stream to the daemon inside, by a program that carries it.
    func bridge(to id: SandboxID) throws(SystemError) -> Int32 {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw SystemError("socketpair") }
        defer { close(ends[1]) }
        do throws(SystemError) {
            try runRuntime(
                id,
                runsc(id).execute(
                    [ContainerBundle.execd, "--bridge", ContainerBundle.socket], pidFile: "\(bundle(id))/bridge"),
                stream: ends[1], within: configuration.startDeadline)
        } catch {
            close(ends[0])
            throw error
        }
        return ends[0]
    }

    /// Waits until no stream of the host reaches inside: the memory could not be saved with one.
    private func awaitBridges(_ id: SandboxID) throws(SystemError) {
        for _ in 0..<Self.bridgeAttempts {
            let isBridged = groups.processes(id).contains {
                HostFiles.text("/proc/\($0)/cmdline")?.hasPrefix("runsc-exec\0") ?? false
            }
            guard isBridged else { return }
            usleep(Self.bridgePause)
        }
        throw SystemError("end the connections to the sandbox", code: ETIMEDOUT)
    }

    /// Whether programs have files of the work directory open that are gone from it: gVisor ends a container whose memory it
    /// cannot save, and these it cannot. Their only holder on the host is the process that serves files to the container.
    private func hasLostFiles(_ id: SandboxID) -> Bool {
        groups.processes(id).contains { pid in
            guard HostFiles.text("/proc/\(pid)/cmdline")?.hasPrefix("runsc-gofer\0") ?? false else { return false }
            return HostFiles.names(in: "/proc/\(pid)/fd").contains {
                // What it prints goes to a file in memory, which has no name either.
                guard let target = HostFiles.link("/proc/\(pid)/fd/\($0)") else { return false }
                return target.hasSuffix(" (deleted)") && !target.hasPrefix("/memfd:")
            }
        }
    }

    /// Saves the memory of all programs and ends them. Nobody else holds a connection.
    /// - Returns: nil when the memory cannot be saved; then the container lives on as it was.
    /// - Throws: when it could not be saved after all; then the container has ended, and its files are complete.
    func save(_ id: SandboxID, to saved: SavedContainer) throws(SystemError) -> ContainerRecord? {
        try awaitBridges(id)
        guard let record = record(id) else { throw SystemError("find the sandbox", code: ESRCH) }
        let command = runsc(id)
        try saved.prepare()
        do throws(SystemError) {
            try runRuntime(id, command.pause(), within: configuration.startDeadline)
            guard !hasLostFiles(id) else {
                saved.remove()
                try runRuntime(id, command.resume(), within: configuration.startDeadline)
                return nil
            }
            try runRuntime(id, command.checkpoint(to: saved.image), within: Self.memoryDeadline)
        } catch {
            saved.remove()
            // If it lives still, it goes on.
            try? runRuntime(id, command.resume(), within: configuration.startDeadline)
            throw error
        }
        try endProcesses(id)
        return record
    }

    /// Waits for the ends of what has ended inside already: a kernel that is on its way out still holds the container's name.
    private func endProcesses(_ id: SandboxID) throws(SystemError) {
        for _ in 0..<Self.bridgeAttempts {
            let left = groups.processes(id)
            if left.isEmpty { return }
            for pid in left { kill(pid, SIGKILL) }
            usleep(Self.bridgePause)
        }
        throw SystemError("end a container whose memory is saved", code: ETIMEDOUT)
    }
}
