#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Standard input as a whole.
enum StandardInput {
    /// Everything up to the end; nil when there is more than `limit`.
    /// - Throws: ``CommandError`` when it cannot be read.
    static func readAll(limit: Int) throws(CommandError) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(STDIN_FILENO, &buffer, buffer.count)
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw CommandError(.failure, "cannot read standard input: \(String(cString: strerror(errno)))")
            }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { return nil }
        }
    }
}
