internal import Glibc

/// Opens and reads regular files for the tools; directories, pipes, sockets and devices are refused unopened.
struct TextFile {
    let gate: PathGate

    /// Opens a regular file for reading.
    /// - Parameter name: the path as the caller wrote it, for messages.
    func open(_ place: PathGate.Place, named name: String) throws(ToolError) -> (file: Descriptor, status: stat) {
        do {
            // Looking is free of side effects: even a non-blocking open would show at the other end of a pipe.
            let parent = try gate.openParent(place, creating: false)
            var seen = stat()
            guard fstatat(parent.raw, place.components.last ?? ".", &seen, AT_SYMLINK_NOFOLLOW) == 0 else {
                throw SystemFailure(errno, "stat")
            }
            try Self.requireRegular(seen, name)
            let file = try gate.open(place, flags: O_RDONLY | O_NONBLOCK)
            let status = try file.status()
            try Self.requireRegular(status, name)
            return (file, status)
        } catch let error as ToolError {
            throw error
        } catch let error as SystemFailure {
            throw ToolError(error, path: name)
        } catch {
            throw ToolError(.failed, "\(name): \(error)")
        }
    }

    private static func requireRegular(_ status: stat, _ name: String) throws(ToolError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: throw ToolError(.invalid, "\(name): is a directory")
        default: throw ToolError(.invalid, "\(name): not a regular file")
        }
    }
}
