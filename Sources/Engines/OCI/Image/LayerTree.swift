internal import Unpacking
internal import CLinux
internal import Glibc

/// The root file system that layers are unpacked into. Every name is looked up below its top, with links resolved as inside: the
/// kernel leaves it for none (openat2(2), RESOLVE_IN_ROOT). Calls block.
struct LayerTree: ~Copyable {
    private let top: Int32
    private static let lookup =
        UInt64(CLINUX_RESOLVE_IN_ROOT | CLINUX_RESOLVE_NO_MAGICLINKS)

    init(_ folder: String) throws(ArchiveError) {
        top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard top >= 0 else { throw Self.failure("open \(folder)") }
    }

    deinit { close(top) }

    static func failure(_ what: String) -> ArchiveError { .unsupported(SystemError(what).description) }

    // MARK: - Folders

    /// Runs `body` with the folder that holds an entry.
    /// - Parameter isMade: makes the folders that are missing; otherwise nothing is done when there is none.
    func inParent<Value>(
        of path: [String], isMade: Bool, _ body: (Int32, String) throws(ArchiveError) -> Value
    ) throws(ArchiveError) -> Value? {
        guard let name = path.last else { return nil }
        guard let parent = try folder(Array(path.dropLast()), isMade: isMade) else { return nil }
        defer { close(parent) }
        return try body(parent, name)
    }

    private func folder(_ path: [String], isMade: Bool) throws(ArchiveError) -> Int32? {
        let text = path.isEmpty ? "." : path.joined(separator: "/")
        let flags = UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        let found = clinux_openat2(top, text, flags, 0, Self.lookup)
        if found >= 0 { return found }
        guard errno == ENOENT else { throw Self.failure("open \(text)") }
        guard isMade, let name = path.last else { return nil }
        guard let parent = try folder(Array(path.dropLast()), isMade: true) else { return nil }
        defer { close(parent) }
        guard mkdirat(parent, name, 0o755) == 0 else { throw Self.failure("make \(text)") }
        let made = openat(parent, name)
        guard made >= 0 else { throw Self.failure("open \(text)") }
        return made
    }

    private func openat(_ parent: Int32, _ name: String) -> Int32 {
        clinux_openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0)
    }

    func makeFolder(_ path: [String], mode: mode_t) throws(ArchiveError) {
        _ = try inParent(of: path, isMade: true) { parent, name throws(ArchiveError) in
            if Self.kind(parent, name) != S_IFDIR {
                Self.remove(name, in: parent)
                guard mkdirat(parent, name, 0o755) == 0 else { throw Self.failure("make \(name)") }
            }
            guard fchmodat(parent, name, mode, 0) == 0 else { throw Self.failure("chmod \(name)") }
        }
    }

    // MARK: - Entries

    /// Opens a new file in the place of whatever is there.
    func makeFile(_ path: [String]) throws(ArchiveError) -> Int32 {
        let file = try inParent(of: path, isMade: true) { parent, name throws(ArchiveError) in
            Self.remove(name, in: parent)
            let file = clinux_openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard file >= 0 else { throw Self.failure("make \(name)") }
            return file
        }
        guard let file else { throw .unsafePath("") }
        return file
    }

    /// - Parameter target: as it is written; inside, an absolute one starts at the top.
    func makeLink(_ path: [String], to target: String) throws(ArchiveError) {
        // Links are read inside only; one that climbs beyond the top has no honest use.
        var depth = target.hasPrefix("/") ? 0 : path.count - 1
        for part in target.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            guard depth >= 0 else { throw .unsafePath("\(path.joined(separator: "/")) -> \(target.prefix(200))") }
        }
        _ = try inParent(of: path, isMade: true) { parent, name throws(ArchiveError) in
            Self.remove(name, in: parent)
            guard symlinkat(target, parent, name) == 0 else { throw Self.failure("link \(name)") }
        }
    }

    /// A second name for a file that is there.
    func makeName(_ path: [String], for other: [String]) throws(ArchiveError) {
        guard path != other else { return }
        let isMade = try inParent(of: other, isMade: false) { source, old throws(ArchiveError) in
            guard Self.kind(source, old) == S_IFREG else { return false }
            return try inParent(of: path, isMade: true) { parent, name throws(ArchiveError) in
                Self.remove(name, in: parent)
                guard linkat(source, old, parent, name, 0) == 0 else { throw Self.failure("link \(name)") }
                return true
            } ?? false
        }
        guard isMade == true else { throw .malformed("a link leads to no file: \(other.joined(separator: "/"))") }
    }

    // MARK: - Removal

    func remove(_ path: [String]) throws(ArchiveError) {
        _ = try inParent(of: path, isMade: false) { parent, name throws(ArchiveError) in
            Self.remove(name, in: parent)
        }
    }

    /// Empties a folder but for what the present layer has put there.
    func empty(_ path: [String], sparing own: Set<String>) throws(ArchiveError) {
        // A file in its place is the layer's own.
        guard let folder = try? folder(path, isMade: false) else { return }
        defer { close(folder) }
        for name in HostFiles.names(in: "/proc/self/fd/\(folder)") {
            let entry = path + [name]
            if !own.contains(entry.joined(separator: "/")) {
                Self.remove(name, in: folder)
            } else if Self.kind(folder, name) == S_IFDIR {
                try empty(entry, sparing: own)
            }
        }
    }

    private static func remove(_ name: String, in parent: Int32) {
        // Neither call follows a link in the last place, and nobody else changes the tree.
        guard unlinkat(parent, name, 0) != 0, errno != ENOENT else { return }
        HostFiles.removeTree("/proc/self/fd/\(parent)/\(name)")
    }

    private static func kind(_ parent: Int32, _ name: String) -> UInt32? {
        var facts = stat()
        return fstatat(parent, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 ? facts.st_mode & S_IFMT : nil
    }
}
