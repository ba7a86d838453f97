internal import Crypto

/// SHA-256 of files and bytes, in hexadecimal.
enum Digest {
    static func of(_ bytes: [UInt8]) -> String { hexadecimal(SHA256.hash(data: bytes)) }

    /// Blocking. - Parameter range: the part of the file; nil takes all of it.
    static func of(_ file: PlainFile, _ range: Range<Int>? = nil) throws(ArchiveFailure) -> String {
        var hash = SHA256()
        var (position, end) = (range?.lowerBound ?? 0, range?.upperBound ?? 0)
        if range == nil { end = try file.size() }
        while position < end {
            let bytes = try file.read(min(PlainFile.chunk, end - position), at: position)
            guard !bytes.isEmpty else { throw ArchiveFailure(.files, "\(file.path) became shorter") }
            hash.update(data: bytes)
            position += bytes.count
        }
        return hexadecimal(hash.finalize())
    }

    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
