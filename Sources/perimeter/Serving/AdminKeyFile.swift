internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The generated organisation key: one line in a file that only its owner reads.
enum AdminKeyFile {
    static func path(in dataDirectory: String) -> String { dataDirectory + "/admin-key" }

    /// The key in the file; nil when there is none or it cannot be read.
    static func read(_ path: String) -> String? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        let key = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
        return key.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The key of this data directory; made at the first start.
    /// - Throws: ``CommandError`` when the file cannot be written.
    static func readOrCreate(in dataDirectory: String) throws(CommandError) -> String {
        let path = path(in: dataDirectory)
        if let key = read(path) { return key }
        let key = KeyText.make(prefix: "sk-ant-api03-")
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
