internal import CLinux
internal import Glibc

/// The folder on the host that a container has mounted, and the daemon's socket in it. Calls block.
///
/// While the daemon starts, and nothing else runs inside, every user may make files in it. Then it is sealed: only the host's
/// root reaches the socket from there on, the programs inside do not.
struct ContainerSocket: Sendable {
    let folder: String

    func prepare() throws(SystemError) {
        try HostFiles.makeFolder(folder, mode: 0o777)
        guard chmod(folder, 0o777) == 0 else { throw SystemError("chmod \(folder)") }
    }

    /// Idempotent.
    func seal() throws(SystemError) {
        guard chmod(folder, 0o700) == 0, chown(folder, 0, 0) == 0 else { throw SystemError("seal \(folder)") }
    }

    /// Whether the daemon has made its socket.
    var isThere: Bool {
        var facts = stat()
        return lstat("\(folder)/\(ContainerRequest.socketName)", &facts) == 0 && facts.st_mode & S_IFMT == S_IFSOCK
    }

    /// A connection to the daemon, which listens from the moment that its socket is there.
    func connect() throws(SystemError) -> Int32 {
        // A name through the folder's descriptor: the kernel takes 107 bytes, which a path may exceed.
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard directory >= 0 else { throw SystemError("open \(folder)") }
        defer { close(directory) }
        let socket = clinux_connect_unix("/proc/self/fd/\(directory)/\(ContainerRequest.socketName)")
        guard socket >= 0 else { throw SystemError("connect to the daemon in \(folder)") }
        return socket
    }
}
