internal import Glibc

/// A file that is being written and is nothing yet. Its lock says that somebody writes it, also to other processes.
struct SnapshotDraft {
    static let prefix = "draft-"
    let path: String
    private let file: Int32

    init(in folder: String) throws(SystemError) {
        path = "\(folder)/\(Self.prefix)\(UInt64.random(in: 0...UInt64.max))"
        file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SystemError("open \(path)") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            close(file)
            throw SystemError("lock \(path)")
        }
    }

    /// Copies a plain file with its holes. - Returns: its size.
    func copy(from source: String) throws(SystemError) -> Int {
        let from = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard from >= 0 else { throw SystemError("open \(source)") }
        defer { close(from) }
        var facts = stat()
        guard fstat(from, &facts) == 0 else { throw SystemError("look at \(source)") }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw SystemError("read \(source)", code: EBADMSG) }
        guard ftruncate(file, facts.st_size) == 0 else { throw SystemError("size \(path)") }
        try HostFiles.copyData(from: from, to: file)
        return Int(facts.st_size)
    }

    func cut(to bytes: Int) throws(SystemError) {
        guard ftruncate(file, off_t(bytes)) == 0 else { throw SystemError("size \(path)") }
    }

    /// Writes the seal behind the image, and all of it to the disk.
    func finish(_ seal: SnapshotSeal) throws(SystemError) {
        let block = seal.block
        guard pwrite(file, block, block.count, off_t(seal.bytes)) == block.count else {
            throw SystemError("write \(path)")
        }
        guard fsync(file) == 0 else { throw SystemError("write \(path) back") }
    }

    /// Makes it a file of its own name. EEXIST when there is one.
    func appear(as target: String) throws(SystemError) {
        guard link(path, target) == 0 else { throw SystemError("make \(target)") }
    }

    func discard() {
        unlink(path)
        close(file)
    }
}
