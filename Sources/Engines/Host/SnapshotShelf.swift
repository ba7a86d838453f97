internal import CLinux
internal import Glibc
internal import Sandbox

/// Kept copies of work directories. Calls block.
///
/// A snapshot is one sparse file: the ext4 image and, after it, one block that says what it is. An archive is the same file,
/// so what was written on one host is read on another.
struct SnapshotShelf: Sendable {
    let folder: String
    /// A snapshot serves the engine that made it only.
    let engine: String
    private static let suffix = ".snapshot"
    private static let checker = "/sbin/e2fsck"
    /// Ends a check that a hostile archive has made endless.
    private static let limiter = "/usr/bin/timeout"
    private static let checkSeconds = "600"

    /// - Parameter state: where the engine keeps what outlives the host's restarts.
    init(state: String, engine: String) {
        folder = "\(state)/snapshots/\(engine)"
        self.engine = engine
    }

    private func path(_ name: SnapshotID) -> String { "\(folder)/\(name)\(Self.suffix)" }
    /// Names the root file system of a work directory that came from a snapshot.
    private func origin(_ image: String) -> String { "\(folder)/origin-\(image.split(separator: "/").last ?? "")" }

    // MARK: - Keeping

    /// Copies a work directory whose programs are frozen.
    /// - Parameters:
    ///   - mount: where this host has it mounted; nil when another kernel has, which has written back what it would.
    ///   - system: the root file system that goes with it, in the engine's words.
    func keep(
        _ image: String, mountedAt mount: String?, _ system: String, as name: SnapshotID
    ) throws(SystemError) {
        if let mount { try Self.writeBack(mount) }
        try withDraft { draft throws(SystemError) in
            let size = try draft.copy(from: image)
            try draft.finish(SnapshotSeal(engine: engine, system: system, bytes: size))
            try draft.appear(as: path(name))
        }
    }

    private static func writeBack(_ mount: String) throws(SystemError) {
        let directory = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw SystemError("open \(mount)") }
        defer { close(directory) }
        guard clinux_sync_filesystem(directory) == 0 else { throw SystemError("write \(mount) back") }
    }

    var all: [Snapshot] {
        HostFiles.names(in: folder).compactMap { name -> Snapshot? in
            guard name.hasSuffix(Self.suffix), let id = SnapshotID(String(name.dropLast(Self.suffix.count))) else {
                return nil
            }
            var facts = stat()
            guard lstat(path(id), &facts) == 0 else { return nil }
            return Snapshot(
                id: id, bytes: Int(facts.st_blocks) * 512, createdAt: facts.st_mtim.tv_sec, keeps: .files)
        }
        .sorted { ($0.createdAt, $0.id.rawValue) > ($1.createdAt, $1.id.rawValue) }
    }

    func remove(_ name: SnapshotID) { unlink(path(name)) }

    // MARK: - Starting from one

    /// The root file system for a sandbox that starts from a snapshot, or goes on from its own work directory. Nil when there
    /// is no such snapshot.
    func system(of name: SnapshotID, orOf work: String) -> String? {
        if HostFiles.facts(work) != nil, let text = HostFiles.text(origin(work)), SnapshotSeal.isSystem(text) {
            return text
        }
        return seal(of: name)?.system
    }

    /// Nil when there is no such snapshot of this engine.
    func seal(of name: SnapshotID) -> SnapshotSeal? {
        SnapshotSeal(of: path(name)).flatMap { $0.engine == engine ? $0 : nil }
    }

    /// Makes the work directory of a sandbox from a snapshot, if it has none yet.
    func place(_ name: SnapshotID, at work: String, within bytes: Int) throws(SystemError) {
        guard HostFiles.facts(work) == nil else { return }
        guard let seal = seal(of: name) else { throw SystemError("read the snapshot", code: EBADMSG) }
        // ERANGE: refused, not failed.
        guard seal.bytes <= bytes else {
            throw SystemError("hold a snapshot of \(seal.bytes) bytes within \(bytes)", code: ERANGE)
        }
        if let slash = work.lastIndex(of: "/") { try HostFiles.makeFolder(String(work[..<slash]), mode: 0o700) }
        // The age of a layer is that of its last use.
        if name.rawValue.hasPrefix(SnapshotID.layerPrefix) { HostFiles.touch(path(name)) }
        try withDraft { draft throws(SystemError) in
            _ = try draft.copy(from: path(name))
            try draft.cut(to: seal.bytes)
            try HostFiles.write(seal.system, to: origin(work), mode: 0o600)
            try draft.appear(as: work)
        }
    }

    // MARK: - Archives

    func export(_ name: SnapshotID, to target: String) throws(SystemError) {
        guard seal(of: name) != nil else { throw SystemError("read the snapshot", code: ENOENT) }
        guard HostFiles.facts(target) == nil else { throw SystemError("write \(target)", code: EEXIST) }
        try HostFiles.copy(path(name), to: target, mode: 0o600)
    }

    /// Accepts a file that says what it is and whose file system passes a full check.
    func take(_ name: SnapshotID, from source: String) throws(SystemError) {
        try withDraft { draft throws(SystemError) in
            // The copy is checked: the original may change meanwhile.
            let size = try draft.copy(from: source)
            guard let seal = SnapshotSeal(of: draft.path), seal.engine == engine, seal.bytes + SnapshotSeal.size == size
            else {
                throw SystemError("read the archive", code: EBADMSG)
            }
            try draft.cut(to: seal.bytes)
            // The first run replays the journal, which a snapshot of a living sandbox has; the second one judges.
            try? HostProgram.run(Self.limiter, [Self.checkSeconds, Self.checker, "-f", "-p", draft.path])
            do { try HostProgram.run(Self.limiter, [Self.checkSeconds, Self.checker, "-f", "-n", draft.path]) } catch {
                throw SystemError("check the file system in the archive", code: EBADMSG)
            }
            try draft.finish(seal)
            try draft.appear(as: path(name))
        }
    }

    // MARK: - Leftovers

    /// Removes the layers of packages that no sandbox has started from for `seconds`.
    func removeLayers(after seconds: Int) {
        for name in HostFiles.names(in: folder) where name.hasPrefix(SnapshotID.layerPrefix) {
            guard let age = HostFiles.facts("\(folder)/\(name)")?.age, age > seconds else { continue }
            unlink("\(folder)/\(name)")
        }
    }

    /// Removes the drafts that no living process writes.
    func removeDrafts() {
        for name in HostFiles.names(in: folder) where name.hasPrefix(SnapshotDraft.prefix) {
            let file = open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard file >= 0 else { continue }
            if flock(file, LOCK_EX | LOCK_NB) == 0 { unlink("\(folder)/\(name)") }
            close(file)
        }
    }

    /// Removes the notes on work directories that are gone.
    /// - Parameter exists: whether there is a work directory of this name.
    func removeOrigins(unless exists: (String) -> Bool) {
        for name in HostFiles.names(in: folder) where name.hasPrefix("origin-") && !exists(String(name.dropFirst(7))) {
            unlink("\(folder)/\(name)")
        }
    }

    private func withDraft(_ body: (SnapshotDraft) throws(SystemError) -> Void) throws(SystemError) {
        try HostFiles.makeFolder(folder, mode: 0o700)
        let draft = try SnapshotDraft(in: folder)
        defer { draft.discard() }
        try body(draft)
    }
}

/// The last block of a snapshot's file.
struct SnapshotSeal: Equatable {
    static let size = 4096
    private static let title = "perimeter snapshot 1"
    /// Work directories beyond this are not read back: 1 TiB.
    private static let largest = 1 << 40

    var engine: String
    /// The root file system that goes with the work directory.
    var system: String
    /// Of the file system before it.
    var bytes: Int

    init(engine: String, system: String, bytes: Int) {
        self.engine = engine
        self.system = system
        self.bytes = bytes
    }

    /// Printable ASCII without spaces, at most 255 bytes.
    static func isSystem(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    init?(parsing block: [UInt8]) {
        let text = block.prefix { $0 != 0 }
        guard block.count == Self.size, block.dropFirst(text.count).allSatisfy({ $0 == 0 }) else { return nil }
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 5, lines[0] == Self.title, lines[4].isEmpty, Self.isSystem(String(lines[1])),
            Self.isSystem(String(lines[2])), let bytes = Int(lines[3]), bytes > 0, bytes <= Self.largest,
            bytes % 4096 == 0
        else { return nil }
        self.init(engine: String(lines[1]), system: String(lines[2]), bytes: bytes)
    }

    /// Reads the end of a file; nil when it is no snapshot.
    init?(of path: String) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size > Self.size else { return nil }
        var block = [UInt8](repeating: 0, count: Self.size)
        guard pread(file, &block, Self.size, facts.st_size - off_t(Self.size)) == Self.size else { return nil }
        self.init(parsing: block)
        guard bytes + Self.size == Int(facts.st_size) else { return nil }
    }

    var block: [UInt8] {
        let text = Array("\(Self.title)\n\(engine)\n\(system)\n\(bytes)\n".utf8)
        return text + [UInt8](repeating: 0, count: Self.size - text.count)
    }
}

extension SandboxError {
    /// What a failed work on a snapshot means.
    init(snapshot error: SystemError) {
        switch error.code {
        case ENOSPC, EDQUOT: self.init(.quotaExceeded, error.description, cause: error)
        case EEXIST, EBADMSG, ENOENT: self.init(.unsupported, error.description, cause: error)
        default: self.init(error)
        }
    }
}
