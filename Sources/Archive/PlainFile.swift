#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file that is read or written piece by piece. Every call may block.
final class PlainFile: Sendable {
    enum Mode { case read, create }

    static let chunk = 1 << 20
    let path: String
    private let descriptor: Int32

    init(_ path: String, _ mode: Mode) throws(ArchiveFailure) {
        self.path = path
        let flags = mode == .read ? O_RDONLY | O_CLOEXEC | O_NOFOLLOW : O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
        descriptor = open(path, flags, 0o600)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
    }

    deinit { close(descriptor) }

    func size() throws(ArchiveFailure) -> Int {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw Self.failure("look at", path)
        }
        return Int(facts.st_size)
    }

    /// - Returns: fewer bytes only at the end of the file.
    func read(_ count: Int, at offset: Int) throws(ArchiveFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset + done))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw Self.failure("read", path) }
            if got == 0 { break }
            done += got
        }
        bytes.removeLast(count - done)
        return bytes
    }

    func write(_ bytes: some Sequence<UInt8>, at offset: Int) throws(ArchiveFailure) {
        let bytes = Array(bytes)
        var done = 0
        while done < bytes.count {
            let put = bytes.withUnsafeBytes { buffer in
                pwrite(descriptor, buffer.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
            }
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw Self.failure("write", path) }
            done += put
        }
    }

    func resize(to bytes: Int) throws(ArchiveFailure) {
        guard ftruncate(descriptor, off_t(bytes)) == 0 else { throw Self.failure("size", path) }
    }

    func sync() throws(ArchiveFailure) {
        guard fsync(descriptor) == 0 else { throw Self.failure("write back", path) }
    }

    /// The next part that is no hole, from `offset` on; nil when there is none.
    func nextData(from offset: Int) throws(ArchiveFailure) -> Range<Int>? {
        let start = lseek(descriptor, off_t(offset), Self.seekData)
        if start < 0, errno == ENXIO { return nil }
        let end = lseek(descriptor, start, Self.seekHole)
        guard start >= 0, end > start else { throw Self.failure("look for data in", path) }
        return Int(start)..<Int(end)
    }

    // SEEK_DATA and SEEK_HOLE of lseek(2), which glibc hides behind a feature macro.
    #if os(Linux)
        private static let seekData: Int32 = 3
        private static let seekHole: Int32 = 4
    #else
        private static let seekData = SEEK_DATA
        private static let seekHole = SEEK_HOLE
    #endif

    static func remove(_ path: String) { unlink(path) }

    /// Seconds since it was last written; nil when there is none.
    static func age(_ path: String) -> Int? {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return nil }
        #if os(Linux)
            return time(nil) - facts.st_mtim.tv_sec
        #else
            return time(nil) - facts.st_mtimespec.tv_sec
        #endif
    }

    static func exists(_ path: String) -> Bool {
        var facts = stat()
        return lstat(path, &facts) == 0
    }

    /// Gives a complete file its name. - Throws: `.exists`.
    static func publish(_ draft: String, as path: String, replacing: Bool) throws(ArchiveFailure) {
        if replacing {
            guard rename(draft, path) == 0 else { throw failure("rename", path) }
            return
        }
        guard link(draft, path) == 0 else {
            if errno == EEXIST { throw ArchiveFailure(.exists, "\(path) is there already") }
            throw failure("make", path)
        }
        unlink(draft)
    }

    static func makeFolder(_ path: String) throws(ArchiveFailure) {
        guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw failure("make", path)
        }
        try makeFolder(String(path[..<slash]))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("make", path) }
    }

    static func names(in folder: String) throws(ArchiveFailure) -> [String] {
        guard let handle = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw failure("list", folder)
        }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func failure(_ operation: String, _ path: String) -> ArchiveFailure {
        let number = errno
        let code: ArchiveFailure.Code = number == ENOENT ? .notFound : number == EEXIST ? .exists : .files
        return ArchiveFailure(code, "cannot \(operation) \(path): \(String(cString: strerror(number)))")
    }
}
