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

    /// One directory that is open, with those below it that are still to be seen.
    private struct Level {
        var directory: Descriptor
        var components: [String]
        var rest: ArraySlice<String>
    }

    /// Also bounds the descriptors, for only the directories on the way to the current one are open.
    static let maximumDepth = 64
    private static let maximumNames = 200_000

    let gate: PathGate
    let cancel: CancelToken
    /// On the monotonic clock; the walk ends then.
    let deadlineMilliseconds: Int
    /// Files and directories together.
    var maximumEntries = 500_000
    /// Names of directories that are left out.
    var skipping: Set<String> = [SpillFolder.name]

    /// - Parameter visit: returns false to end the walk.
    /// - Returns: false when a bound ended the walk before all files were seen.
    func walk(_ place: PathGate.Place, _ visit: (Entry) throws(ToolError) -> Bool) throws(ToolError) -> Bool {
        let start: Descriptor
        do { start = try gate.open(place, flags: O_RDONLY | O_DIRECTORY) } catch {
            throw ToolError(error, path: place.path)
        }
        var seen = 0
        var isComplete = true
        var levels: [Level] = []
        var entering: (directory: Descriptor, components: [String])? = (start, [])
        while true {
            if let (directory, components) = entering {
                entering = nil
                let (names, areAll) = Self.names(in: directory)
                isComplete = isComplete && areAll
                var below: [String] = []
                for name in names {
                    guard !cancel.isCancelled else { throw ToolError(.cancelled, "interrupted") }
                    seen += 1
                    guard seen <= maximumEntries, seen % 256 != 0 || Clock.milliseconds() < deadlineMilliseconds else {
                        return false
                    }
                    var status = stat()
                    guard fstatat(directory.raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
                    switch status.st_mode & S_IFMT {
                    case S_IFREG:
                        let entry = Entry(components: components + [name], directory: directory, status: status)
                        guard try visit(entry) else { return isComplete }
                    case S_IFDIR where !skipping.contains(name): below.append(name)
                    default: continue
                    }
                }
                if components.count < Self.maximumDepth {
                    levels.append(Level(directory: directory, components: components, rest: below[...]))
                } else if !below.isEmpty {
                    isComplete = false
                }
            }
            guard let level = levels.last else { return isComplete }
            guard let name = levels[levels.count - 1].rest.popFirst() else {
                levels.removeLast()
                continue
            }
            let raw = openat(level.directory.raw, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if raw >= 0 { entering = (Descriptor(raw), level.components + [name]) }
        }
    }

    private static func names(in directory: Descriptor) -> (names: [String], areAll: Bool) {
        let copy = fcntl(directory.raw, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return ([], false) }
        guard let handle = fdopendir(copy) else {
            close(copy)
            return ([], false)
        }
        defer { closedir(handle) }
        rewinddir(handle)
        var names: [String] = []
        while let entry = readdir(handle) {
            guard names.count < maximumNames else { return (names, false) }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(validating: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
        return (names.sorted(), true)
    }
}
