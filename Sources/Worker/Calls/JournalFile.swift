internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Blocking file operations of the journals. Call them on a ``BlockingQueue``.
enum JournalFile {
    static let maximumBytes = 16 << 20

    /// The file's bytes; empty when there is no file.
    static func read(_ path: String) throws(WorkerError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return [] }
            throw failure("open", path)
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = chunk.withUnsafeMutableBytes { systemRead(file, $0.baseAddress, $0.count) }
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw failure("read", path)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= maximumBytes else {
                throw WorkerError(.journal, "\(path) is over \(maximumBytes) bytes")
            }
        }
    }

    /// Writes at `offset` and cuts off what lay behind; creates the file and its folders.
    static func write(_ bytes: [UInt8], at offset: Int, of path: String, isDurable: Bool) throws(WorkerError) {
        try makeFolders(of: path)
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure("open", path) }
        defer { close(file) }
        guard ftruncate(file, off_t(offset)) == 0 else { throw failure("truncate", path) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(file, buffer.baseAddress?.advanced(by: written), bytes.count - written, off_t(offset + written))
            }
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw failure("write", path)
            }
            written += count
        }
        guard isDurable else { return }
        guard fsync(file) == 0 else { throw failure("sync", path) }
        // The first record must not vanish with the folder's entry for the file.
        if offset == 0 { try syncFolder(of: path) }
    }

    /// Puts `bytes` in place of the file in one step; removes it when there are none.
    static func replace(_ path: String, with bytes: [UInt8]) throws(WorkerError) {
        guard !bytes.isEmpty else {
            guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
            return
        }
        try write(bytes, at: 0, of: path + ".new", isDurable: true)
        guard rename(path + ".new", path) == 0 else { throw failure("rename", path) }
    }

    /// Sets the file's time to now, creating it when it is missing.
    static func touch(_ path: String) throws(WorkerError) {
        try makeFolders(of: path)
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure("open", path) }
        defer { close(file) }
        guard futimens(file, nil) == 0 else { throw failure("touch", path) }
    }

    /// Removes a file, or a folder when it is empty; one that is not there is removed already.
    static func remove(_ path: String) { _ = systemRemove(path) }

    /// Seconds since the file was last touched; nil when there is none.
    static func age(_ path: String) -> Int? {
        let facts = try? FileManager.default.attributesOfItem(atPath: path)
        return (facts?[.modificationDate] as? Date).map { max(0, Int(Date().timeIntervalSince($0))) }
    }

    /// Names in a folder; none when it does not exist.
    static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private static func makeFolders(of path: String) throws(WorkerError) {
        let parts = path.split(separator: "/").dropLast()
        var folder = ""
        for part in parts {
            folder += "/" + part
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw failure("create", folder) }
        }
    }

    private static func syncFolder(of path: String) throws(WorkerError) {
        let folder = "/" + path.split(separator: "/").dropLast().joined(separator: "/")
        let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw failure("open", folder) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw failure("sync", folder) }
    }

    private static func failure(_ operation: String, _ path: String) -> WorkerError {
        let number = errno
        return WorkerError(.journal, "cannot \(operation) \(path): \(String(cString: strerror(number)))")
    }
}

private func systemRead(_ file: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, buffer, count)
}

private func systemRemove(_ path: String) -> Int32 { remove(path) }
