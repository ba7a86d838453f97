internal import CLinux
internal import Glibc

/// Starts programs of the host without copying this process's memory: `posix_spawn` costs the same for any heap.
enum HostProgram {
    /// Runs a program to its end, with nothing on its standard input and output.
    static func run(_ path: String, _ arguments: [String]) throws(SystemError) {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { throw SystemError("open /dev/null") }
        defer { close(null) }
        let pid = try spawn(path, arguments, [(null, 0), (null, 1), (null, 2)])
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard clinux_did_exit(status) != 0, clinux_exit_status(status) == 0 else {
            throw SystemError("\(path) failed", code: EIO)
        }
    }

    /// Starts a program in a session of its own, with these variables (`NAME=value`) and these descriptors alone.
    static func spawn(
        _ path: String, _ arguments: [String], _ descriptors: [(source: Int32, target: Int32)],
        environment: [String] = []
    ) throws(SystemError) -> Int32 {
        let maps = descriptors.map { clinux_descriptor_map(source: $0.source, target: $0.target) }
        var pid: Int32 = 0
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let variables = environment.map { strdup($0) } + [nil]
        defer { for variable in variables { free(variable) } }
        let error = clinux_spawn(&pid, path, words, variables, nil, maps, maps.count)
        guard error == 0 else { throw SystemError("start \(path)", code: error) }
        return pid
    }
}
