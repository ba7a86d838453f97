internal import CLinux
package import ExecdProtocol
internal import Glibc

/// The session's shell: bash that keeps its directory, variables, functions and jobs from call to call.
///
/// When a command ends the shell, runs out of time or is interrupted, everything it started is killed and the next command
/// gets a fresh shell; the result says so. Processes that earlier calls left in the background are spared, except by
/// `restart`. Used by one thread.
package final class ShellSession {
    private enum Ending { case status(Int32), exited(ChildTable.ExitStatus), timedOut, cancelled }

    private static let backgroundLimit = 16 << 10
    private static let drainLimit = 1 << 20

    private let settings: ToolSettings
    private let children: ChildTable
    private let spillFolder: SpillFolder
    private let tree: ProcessTree?
    private let outputReader: Descriptor
    private let outputWriter: Descriptor
    private var shell: ShellProcess?
    /// What background processes printed between two calls.
    private var background: [UInt8] = []

    /// - Parameter tree: what a kill reaches; nil means what descends from the shell. The daemon passes everything below
    ///   itself, where orphans end up too.
    package init(
        settings: ToolSettings, gate: PathGate, children: ChildTable, tree: ProcessTree?
    ) throws(SystemFailure) {
        self.settings = settings
        self.children = children
        self.tree = tree
        spillFolder = SpillFolder(gate: gate)
        var ends: [Int32] = [-1, -1]
        guard clinux_pipe(&ends) == 0 else { throw SystemFailure(errno, "pipe") }
        // One pipe for all shells: a survivor of an earlier shell may go on printing.
        outputReader = Descriptor(ends[0])
        outputWriter = Descriptor(ends[1])
        _ = clinux_set_nonblocking(outputReader.raw, 1)
    }

    /// Readable when background processes print; call ``drain()`` then.
    package var backgroundOutput: Int32 { outputReader.raw }

    /// Takes what background processes printed, so that they do not block; the next call's result begins with its end.
    package func drain() {
        var taken = 0
        // A process that never stops printing must not keep the next call waiting.
        while taken < Self.drainLimit, let bytes = try? outputReader.read(upTo: 1 << 16), !bytes.isEmpty {
            taken += bytes.count
            background += bytes
            if background.count > Self.backgroundLimit {
                background.removeFirst(background.count - Self.backgroundLimit)
            }
        }
    }

    /// Runs one call of the `bash` tool.
    /// - Parameter progress: gets clean output while the command runs.
    package func run(
        callID: String, command: String?, restart: Bool, timeoutMilliseconds: Int?, cancel: CancelToken,
        progress: ([UInt8]) -> Void = { _ in }
    ) -> CallResult {
        guard !cancel.isCancelled else { return .failure("interrupted before the command started") }
        if restart {
            end()
            drain()
            background = []
            if command == nil { return .success("the shell was restarted") }
        }
        guard let command, command.contains(where: { !$0.isWhitespace }) else {
            return .failure("no command given: pass `command`, or `restart`")
        }
        guard !command.utf8.contains(0) else { return .failure("the command contains a NUL byte") }
        let timeout = effectiveTimeout(timeoutMilliseconds)
        let spared: Set<ProcessTree.Identity>
        if let shell, children.takeStatus(of: shell.pid) != nil {
            self.shell = nil
            background += Array("[the shell ended since the last command; this is a fresh one]\n".utf8)
        }
        do throws(SystemFailure) {
            let shell = try livingShell()
            spared = scope(of: shell).members().filter { $0.pid != shell.pid }
            try shell.start(command)
        } catch {
            endShell(sparing: [])
            return .failure("the shell could not be started: \(error.phrase)")
        }
        var collector = OutputCollector(limit: settings.outputLimit, spillLimit: settings.spillLimit) {
            [spillFolder] in spillFolder.create(for: callID)
        }
        collector.add(background)
        background = []
        let ending = wait(timeout: timeout, cancel: cancel, collector: &collector, progress: progress)
        if case .status = ending {} else { endShell(sparing: spared) }
        read(into: &collector, progress: progress)
        return result(collector.finish(), ending, timeout: timeout)
    }

    /// Kills the shell and all its processes.
    package func end() {
        endShell(sparing: [])
        // What shells that are gone already have left in the background.
        if let tree { _ = tree.kill(sparing: tree.members().filter { children.owned.contains($0.pid) }, reap: {}) }
    }

    private func effectiveTimeout(_ wanted: Int?) -> Int {
        guard let wanted, wanted > 0 else { return settings.defaultTimeoutMilliseconds }
        return min(wanted, settings.maximumTimeoutMilliseconds)
    }

    private func livingShell() throws(SystemFailure) -> ShellProcess {
        if let shell { return shell }
        let shell = try ShellProcess(settings: settings, children: children, output: outputWriter)
        self.shell = shell
        return shell
    }

    private func scope(of shell: ShellProcess) -> ProcessTree {
        tree ?? ProcessTree(below: shell.pid)
    }

    private func wait(
        timeout: Int, cancel: CancelToken, collector: inout OutputCollector, progress: ([UInt8]) -> Void
    ) -> Ending {
        guard let shell else { return .exited(.exited(1)) }
        let deadline = Clock.milliseconds() + timeout
        while true {
            var watched = [
                pollfd(fd: shell.status.raw, events: Int16(POLLIN), revents: 0),
                pollfd(fd: outputReader.raw, events: Int16(POLLIN), revents: 0),
                pollfd(fd: cancel.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: shell.end?.raw ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            let left = deadline - Clock.milliseconds()
            let patience = shell.end == nil ? min(left, 20) : left
            _ = poll(&watched, nfds_t(watched.count), Int32(clamping: max(patience, 0)))
            if let status = shell.takeStatus() { return .status(status) }
            if cancel.isCancelled { return .cancelled }
            if let status = children.takeStatus(of: shell.pid) { return .exited(status) }
            if Clock.milliseconds() >= deadline { return .timedOut }
            read(into: &collector, progress: progress, atMost: 1 << 20)
        }
    }

    private func read(into collector: inout OutputCollector, progress: ([UInt8]) -> Void, atMost limit: Int = 8 << 20) {
        var taken = 0
        while taken < limit, let bytes = try? outputReader.read(upTo: 1 << 16), !bytes.isEmpty {
            taken += bytes.count
            let clean = collector.add(bytes)
            if !clean.isEmpty { progress(clean) }
        }
    }

    private func endShell(sparing spared: Set<ProcessTree.Identity>) {
        guard let shell else { return }
        self.shell = nil
        let others = children.owned.subtracting([shell.pid])
        let scope = scope(of: shell)
        let otherTools = scope.members().filter { others.contains($0.pid) }
        // First the rest of the tree while the shell still holds it together, when the shell is all that does.
        if tree == nil { _ = scope.kill(sparing: spared, reap: {}) }
        shell.kill()
        if tree != nil { _ = scope.kill(sparing: spared.union(otherTools), reap: {}) }
        let patience = Clock.milliseconds() + 1000
        while children.owned.contains(shell.pid), children.takeStatus(of: shell.pid) == nil,
            Clock.milliseconds() < patience
        {
            var pause = timespec(tv_sec: 0, tv_nsec: 200_000)
            nanosleep(&pause, nil)
        }
    }

    private func result(_ text: String, _ ending: Ending, timeout: Int) -> CallResult {
        let fresh = "every process it started was ended, and the next command gets a fresh shell in its first directory"
        switch ending {
        case .status(0): return .success(text.isEmpty ? "(no output)" : text)
        case .status(let code): return .failure(Self.join(text, "exit code: \(code)"))
        case .exited(let status):
            let note = "the shell ended with exit code \(status.shellCode): \(fresh)"
            return CallResult(content: [.text(Self.join(text, note))], isError: status.shellCode != 0)
        case .timedOut:
            return .failure(Self.join(text, "timed out after \(Self.seconds(timeout)): \(fresh)"))
        case .cancelled: return .failure(Self.join(text, "interrupted: \(fresh)"))
        }
    }

    private static func join(_ text: String, _ note: String) -> String {
        text.isEmpty ? "[\(note)]" : "\(text)\n[\(note)]"
    }

    private static func seconds(_ milliseconds: Int) -> String {
        milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }
}
