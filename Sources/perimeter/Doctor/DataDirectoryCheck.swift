internal import FoundationEssentials
internal import Wire

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Whether the data directory can be written, and has room.
struct DataDirectoryCheck: DoctorCheck {
    let path: String

    func run() async -> [Finding] {
        let name = "data dir"
        do { try DataDirectory.make(path) } catch {
            return [Finding(name, .fatal, error.message, remedy: error.remedy)]
        }
        let probe = path + "/.doctor-\(getpid())"
        let file = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            return [
                Finding(
                    name, .fatal, "\(path) cannot be written: \(String(cString: strerror(errno)))",
                    remedy: "give this user the directory, or name another one with --data-dir")
            ]
        }
        let isSynced = fsync(file) == 0
        close(file)
        unlink(probe)
        guard isSynced else {
            return [Finding(name, .fatal, "\(path) does not sync to disk", remedy: "use a file system on a disk")]
        }
        var space = statvfs()
        guard statvfs(path, &space) == 0 else { return [Finding(name, .ok, "\(path) can be written")] }
        let free = Int(space.f_bavail) * Int(space.f_frsize)
        let text = "\(path) can be written, \(free >> 20) MiB free"
        guard free > 512 << 20 else {
            return [Finding(name, .warning, text, remedy: "make room: sandboxes and the store need some hundred MiB")]
        }
        return [Finding(name, .ok, text)]
    }
}
