internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A generated key: one line in a file that only its owner reads.
struct KeyFile {
    let path: String
    private let prefix: String

    init(path: String, prefix: String) {
        self.path = path
        self.prefix = prefix
    }

    /// The organisation's key, which administers everything.
    static func admin(in dataDirectory: String) -> KeyFile {
        KeyFile(path: dataDirectory + "/admin-key", prefix: "sk-ant-admin01-")
    }

    /// The key with which the worker of `perimeter up` serves the cloud environments.
    static func worker(in dataDirectory: String) -> KeyFile {
        KeyFile(path: dataDirectory + "/worker-key", prefix: "sk-ant-wrk01-")
    }

    /// The key in the file; nil when there is none or it cannot be read.
    func read() -> String? { readAll()?.first }

    /// The keys in the file, one a line; nil when there is none or it cannot be read.
    func readAll() -> [String]? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        let keys = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        return keys.isEmpty ? nil : keys
    }

    /// The key; made at the first start.
    /// - Throws: ``CommandError`` when the file cannot be written.
    func readOrCreate() throws(CommandError) -> String {
        if let key = read() { return key }
        let key = KeyText.make(prefix: prefix)
        try replace(with: [key])
        return key
    }

    /// Writes these keys, one a line, in the place of what there is.
    /// - Throws: ``CommandError`` when the file cannot be written; then the old one stays.
    func replace(with keys: [String]) throws(CommandError) {
        // Complete before it has its name, so that nobody reads half a key.
        let draft = path + ".new"
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let line = Array(keys.map { $0 + "\n" }.joined().utf8)
        let written = write(file, line, line.count)
        let isSynced = fsync(file) == 0
        close(file)
        guard written == line.count, isSynced, rename(draft, path) == 0 else {
            throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        // The name too must outlast a power failure: what is sealed under a key is lost with it.
        let folder = open(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), O_RDONLY | O_CLOEXEC)
        guard folder >= 0 else {
            throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let isDurable = fsync(folder) == 0
        close(folder)
        guard isDurable else {
            throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }
}
