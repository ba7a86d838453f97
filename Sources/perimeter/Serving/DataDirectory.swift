internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The directory in which one server keeps everything; held by one process at a time.
struct DataDirectory: ~Copyable {
    let path: String
    private let lock: Int32

    /// Makes the directory, readable by its owner only, and takes it.
    /// - Throws: ``CommandError`` when it cannot be used or another process holds it.
    /// - Parameter role: a server and a worker may share a directory, two of the same kind may not.
    init(_ path: String, role: String = "server") throws(CommandError) {
        lock = try Self.taken(path, role)
        self.path = path
    }

    private static func taken(_ path: String, _ role: String) throws(CommandError) -> Int32 {
        try make(path)
        // The embedded store has one writer; a second process would break its leases.
        let lock = open("\(path)/\(role).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else {
            throw CommandError(
                .failure, "cannot write below \(path): \(String(cString: strerror(errno)))",
                remedy: "give this user the directory, or name another one with --data-dir")
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw CommandError(
                .failure, "another perimeter \(role) uses \(path)",
                remedy: "stop it, or name another directory with --data-dir")
        }
        return lock
    }

    deinit { close(lock) }

    var databasePath: String { path + "/perimeter.db" }

    /// Makes a directory that its owner alone reads.
    static func make(_ path: String) throws(CommandError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandError(
                .failure, "cannot make the directory \(path): \(error)",
                remedy: "name another data directory with --data-dir or PERIMETER_DATA_DIR")
        }
    }
}
