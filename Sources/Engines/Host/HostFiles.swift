internal import Glibc

/// Small files and folders of the engine. Every call may block: use it off the pool.
enum HostFiles {
    static func makeFolder(_ path: String, mode: mode_t) throws(SystemError) {
        guard mkdir(path, mode) != 0 else {
            // The umask may have taken bits away.
            guard chmod(path, mode) == 0 else { throw SystemError("chmod \(path)") }
            return
        }
        if errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw SystemError("mkdir \(path)")
        }
        try makeFolder(String(path[..<slash]), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw SystemError("mkdir \(path)") }
        guard chmod(path, mode) == 0 else { throw SystemError("chmod \(path)") }
    }

    /// - Returns: nil when there is no such file or it has more than `limit` bytes.
    static func read(_ path: String, limit: Int = 1 << 16) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? bytes : nil }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { return nil }
        }
    }

    static func text(_ path: String) -> String? { read(path).map { String(decoding: $0, as: UTF8.self) } }

    /// Replaces a file as a whole: readers see the old or the new one.
    static func write(_ text: String, to path: String, mode: mode_t) throws(SystemError) {
        let draft = "\(path).\(getpid()).new"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard file >= 0 else { throw SystemError("open \(draft)") }
        let isWritten = writeAll(Array(text.utf8), to: file)
        close(file)
        guard isWritten, rename(draft, path) == 0 else { throw SystemError("write \(path)") }
    }

    /// Writes a control file of the kernel in one piece.
    static func set(_ path: String, _ text: String) throws(SystemError) {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw SystemError("open \(path)") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw SystemError("write \(path)") }
    }

    static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    static func names(in folder: String) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Where a symbolic link leads, as it is written; nil for everything else.
    static func link(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            let count = readlink(path, start, buffer.count)
            guard count > 0 else { return nil }
            return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
        }
    }

    /// Bytes and seconds since the last change; nil when there is nothing.
    static func facts(_ path: String) -> (size: Int, age: Int)? {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return nil }
        return (Int(facts.st_size), time(nil) - facts.st_mtim.tv_sec)
    }

    /// Whether there is a folder itself, not a link to one.
    static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }

    // SEEK_DATA and SEEK_HOLE of lseek(2), which glibc hides behind a feature macro.
    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4

    /// Copies a file with its holes, and makes it appear as a whole.
    static func copy(_ source: String, to target: String, mode: mode_t) throws(SystemError) {
        let from = open(source, O_RDONLY | O_CLOEXEC)
        guard from >= 0 else { throw SystemError("open \(source)") }
        defer { close(from) }
        let draft = "\(target).\(getpid()).new"
        unlink(draft)
        let to = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard to >= 0 else { throw SystemError("open \(draft)") }
        // Gone under this name when it has become the target.
        defer {
            close(to)
            unlink(draft)
        }
        var facts = stat()
        guard fstat(from, &facts) == 0, ftruncate(to, facts.st_size) == 0 else { throw SystemError("size \(draft)") }
        try copyData(from: from, to: to)
        guard fchmod(to, mode) == 0, rename(draft, target) == 0 else { throw SystemError("rename \(target)") }
    }

    /// Copies what is not a hole to the same places of a file that has the size already.
    static func copyData(from: Int32, to: Int32) throws(SystemError) {
        var position: off_t = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            position = lseek(from, position, seekData)
            if position < 0 {
                guard errno == ENXIO else { throw SystemError("seek in a file that is copied") }
                break
            }
            let end = lseek(from, position, seekHole)
            guard end > position else { throw SystemError("seek in a file that is copied") }
            while position < end {
                let wanted = min(buffer.count, Int(end - position))
                let count = pread(from, &buffer, wanted, position)
                guard count > 0, pwrite(to, buffer, count, position) == count else {
                    throw SystemError("copy a file")
                }
                position += off_t(count)
            }
        }
    }

    /// Says that a file was used now, which ``facts(_:)`` tells as its age.
    static func touch(_ path: String) { utimensat(AT_FDCWD, path, nil, AT_SYMLINK_NOFOLLOW) }

    /// Removes the folder and the plain files in it; never follows links, never descends.
    static func removeFolder(_ path: String) {
        for name in names(in: path) where unlink("\(path)/\(name)") != 0 { rmdir("\(path)/\(name)") }
        rmdir(path)
    }

    /// Removes a folder with everything below it. Only for folders in which nothing is ever mounted.
    static func removeTree(_ path: String) {
        // A link in its place leads to what is not ours.
        guard isFolder(path) else {
            unlink(path)
            return
        }
        for name in names(in: path) where unlink("\(path)/\(name)") != 0 { removeTree("\(path)/\(name)") }
        rmdir(path)
    }
}
