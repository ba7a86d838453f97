internal import CLinux
package import Glibc
internal import Synchronization

/// The child processes that somebody waits for, and the one place that reaps.
///
/// Init reaps every orphan, so it could swallow the exit status of a child that a tool waits for; the table keeps it.
package final class ChildTable: Sendable {
    package enum ExitStatus: Equatable, Sendable {
        case exited(Int32)
        case signalled(Int32)

        /// As a shell shows it.
        package var shellCode: Int32 {
            switch self {
            case .exited(let code): code
            case .signalled(let signal): 128 + signal
            }
        }

        init(raw status: Int32) {
            self =
                clinux_did_signal(status) != 0
                ? .signalled(clinux_term_signal(status)) : .exited(clinux_exit_status(status))
        }
    }

    package struct Program {
        package var path: String
        package var arguments: [String]
        package var environment: [String]
        package var directory: String?
        /// Descriptors of this process and their numbers in the child; it gets no others.
        package var descriptors: [(source: Int32, target: Int32)]
        /// The terminal that is its standard input, output and error, instead of descriptors.
        package var terminal: String?

        package init(
            path: String, arguments: [String], environment: [String], directory: String?,
            descriptors: [(source: Int32, target: Int32)], terminal: String? = nil
        ) {
            self.path = path
            self.arguments = arguments
            self.environment = environment
            self.directory = directory
            self.descriptors = descriptors
            self.terminal = terminal
        }
    }

    private enum Entry { case running, ended(ExitStatus) }
    private let entries = Mutex<[pid_t: Entry]>([:])

    package init() {}

    /// Starts a program whose status this table keeps until it is taken.
    package func spawn(_ program: Program) throws(SystemFailure) -> pid_t {
        let result = entries.withLock { entries -> Result<pid_t, SystemFailure> in
            var pid: pid_t = 0
            // Inside the lock: nobody can reap the child before it is known here.
            let code = Self.start(program, &pid)
            guard code == 0 else { return .failure(SystemFailure(code, "spawn")) }
            entries[pid] = .running
            return .success(pid)
        }
        return try result.get()
    }

    /// The status of an ended child, once; nil while it runs.
    package func takeStatus(of pid: pid_t) -> ExitStatus? {
        entries.withLock { entries in
            if case .running? = entries[pid] {
                var raw: Int32 = 0
                guard waitpid(pid, &raw, WNOHANG) == pid else { return nil }
                entries[pid] = nil
                return ExitStatus(raw: raw)
            }
            guard case .ended(let status)? = entries.removeValue(forKey: pid) else { return nil }
            return status
        }
    }

    /// Reaps whatever has ended: orphans vanish, statuses that somebody waits for stay.
    package func reapAll() {
        entries.withLock { entries in
            var raw: Int32 = 0
            while true {
                let pid = waitpid(-1, &raw, WNOHANG)
                guard pid > 0 else { return }
                if entries[pid] != nil { entries[pid] = .ended(ExitStatus(raw: raw)) }
            }
        }
    }

    /// The children that tools wait for.
    package var owned: Set<pid_t> {
        entries.withLock { Set($0.keys) }
    }

    private static func start(_ program: Program, _ pid: inout pid_t) -> Int32 {
        var arguments: [UnsafeMutablePointer<CChar>?] = program.arguments.map { strdup($0) }
        var environment: [UnsafeMutablePointer<CChar>?] = program.environment.map { strdup($0) }
        arguments.append(nil)
        environment.append(nil)
        defer {
            for pointer in arguments { free(pointer) }
            for pointer in environment { free(pointer) }
        }
        if let terminal = program.terminal {
            return clinux_spawn_on_terminal(
                &pid, program.path, arguments, environment, program.directory ?? "/", terminal)
        }
        let maps = program.descriptors.map { clinux_descriptor_map(source: $0.source, target: $0.target) }
        guard let directory = program.directory else {
            return clinux_spawn(&pid, program.path, arguments, environment, nil, maps, maps.count)
        }
        return clinux_spawn(&pid, program.path, arguments, environment, directory, maps, maps.count)
    }
}
