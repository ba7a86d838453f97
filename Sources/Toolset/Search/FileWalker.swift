internal import Glibc

/// Walks the regular files below a place, directory by directory, in the order of their names. Links are never followed.
struct FileWalker {
    /// One file, with the open directory that holds it.
    struct Entry {
        /// Below the start of the walk.
        var components: [String]
        var directory: Descriptor
        var status: stat
        var name: String { components.last ?? "" }
    }

    static let maximumFiles = 50_000
    static let maximumDepth = 64

    let gate: PathGate
    let cancel: CancelToken
    /// Names of directories that are left out.
    var skipping: Set<String> = []

    /// - Parameter visit: returns false to end the walk.
    /// - Returns: false when a bound ended the walk before all files were seen.
    func walk(_ place: PathGate.Place, _ visit: (Entry) throws(ToolError) -> Bool) throws(ToolError) -> Bool {
        let start: Descriptor
        do { start = try gate.open(place, flags: O_RDONLY | O_DIRECTORY) } catch {
            throw ToolError(error, path: place.path)
        }
        var pending: [(directory: Descriptor, components: [String])] = [(start, [])]
        var seen = 0
        while let (directory, components) = pending.popLast() {
            var below: [(Descriptor, [String])] = []
            for name in Self.names(in: directory) {
                guard !cancel.isCancelled else { throw ToolError(.cancelled, "interrupted") }
                var status = stat()
                guard fstatat(directory.raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
                switch status.st_mode & S_IFMT {
                case S_IFREG:
                    seen += 1
                    guard seen <= Self.maximumFiles else { return false }
                    let entry = Entry(components: components + [name], directory: directory, status: status)
                    guard try visit(entry) else { return true }
                case S_IFDIR where !skipping.contains(name) && components.count < Self.maximumDepth:
                    let raw = openat(directory.raw, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                    if raw >= 0 { below.append((Descriptor(raw), components + [name])) }
                default: continue
                }
            }
            pending += below.reversed()
            // Each waiting directory is open: a wide tree must not use up all descriptors.
            guard pending.count < 4096 else { return false }
        }
        return true
    }

    private static func names(in directory: Descriptor) -> [String] {
        let copy = fcntl(directory.raw, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0, let handle = fdopendir(copy) else { return [] }
        defer { closedir(handle) }
        rewinddir(handle)
        var names: [String] = []
        while let entry = readdir(handle), names.count <= maximumFiles {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
