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

    /// The organisation's key, which administers everything.
    static func admin(in dataDirectory: String) -> KeyFile {
        KeyFile(path: dataDirectory + "/admin-key", prefix: "sk-ant-admin01-")
    }

    /// The key with which the worker of `perimeter up` serves the cloud environments.
    static func worker(in dataDirectory: String) -> KeyFile {
        KeyFile(path: dataDirectory + "/worker-key", prefix: "sk-ant-wrk01-")
    }

    /// The key in the file; nil when there is none or it cannot be read.
    func read() -> String? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        let key = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
        return key.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The key; made at the first start.
    /// - Throws: ``CommandError`` when the file cannot be written.
    func readOrCreate() throws(CommandError) -> String {
        if let key = read() { return key }
        let key = KeyText.make(prefix: prefix)
        // Complete before it has its name, so that nobody reads half a key.
        let draft = path + ".new"
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let line = Array((key + "\n").utf8)
        let written = write(file, line, line.count)
        let isSynced = fsync(file) == 0
        close(file)
        guard written == line.count, isSynced, rename(draft, path) == 0 else {
            throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        return key
    }
}
