internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A program of this machine that takes over the person's terminal until it ends.
enum ChildProcess {
    /// - Parameters:
    ///   - name: looked up in PATH.
    ///   - variables: added to this process's environment.
    /// - Returns: the exit status as a shell shows it.
    /// - Throws: ``CommandError`` when it cannot be started.
    static func run(
        _ name: String, _ arguments: [String], variables: [String: String] = [:]
    ) async throws(CommandError) -> Int32 {
        for (name, value) in variables { setenv(name, value, 1) }
        var pid: pid_t = 0
        var words: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        let error = posix_spawnp(&pid, name, nil, nil, words, environ)
        guard error == 0 else {
            throw CommandError(
                .failure, "\(name) cannot be started: \(String(cString: strerror(error)))", remedy: "install \(name)")
        }
        // Ctrl-C is for the program on the terminal.
        let before = signal(SIGINT, SIG_IGN)
        defer { signal(SIGINT, before) }
        let child = pid
        let status = try? await NIOThreadPool.singleton.runIfActive { () -> Int32 in
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            // The layout that wait(2) documents with its macros.
            return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        }
        return status ?? 1
    }
}
