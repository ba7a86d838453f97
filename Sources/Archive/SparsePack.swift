/// A sparse file in a row: what is no hole, each part with its place, then the size.
///
/// `perimeter pack 1\n`, then for each part its offset and length (u64, big endian) and its bytes, in order; at the end the
/// file's size and a length of 0.
enum SparsePack {
    private static let title = Array("perimeter pack 1\n".utf8)
    /// Larger files are not unpacked: 1 TiB.
    static let largest = 1 << 40
    private static let largestPart = PlainFile.chunk

    /// Blocking. - Returns: the size of the sparse file.
    static func pack(_ source: PlainFile, into target: PlainFile) throws(ArchiveFailure) -> Int {
        let size = try source.size()
        var (position, output) = (0, 0)
        func put(_ bytes: [UInt8]) throws(ArchiveFailure) {
            try target.write(bytes, at: output)
            output += bytes.count
        }
        try put(title)
        while let data = try source.nextData(from: position) {
            position = data.lowerBound
            while position < data.upperBound {
                let bytes = try source.read(min(largestPart, data.upperBound - position), at: position)
                guard !bytes.isEmpty else { throw ArchiveFailure(.files, "\(source.path) became shorter") }
                // Data of zeros is as good as a hole.
                if bytes.contains(where: { $0 != 0 }) { try put(number(position) + number(bytes.count) + bytes) }
                position += bytes.count
            }
        }
        try put(number(size) + number(0))
        try target.sync()
        return size
    }

    /// Blocking. Reads what may come from anybody.
    /// - Parameter size: what the sparse file has to have.
    /// - Throws: ``ArchiveFailure`` `.corrupt`.
    static func unpack(_ source: PlainFile, into target: PlainFile, size: Int) throws(ArchiveFailure) {
        guard (0...largest).contains(size), try source.read(title.count, at: 0) == title else { throw malformed }
        try target.resize(to: size)
        var (input, end) = (title.count, 0)
        while true {
            let head = try source.read(16, at: input)
            guard head.count == 16, let offset = number(head[..<8]), let count = number(head[8...]) else {
                throw malformed
            }
            input += 16
            if count == 0 {
                guard offset == size, try source.read(1, at: input).isEmpty else { throw malformed }
                return
            }
            guard offset >= end, count <= largestPart, offset <= size - count else { throw malformed }
            let bytes = try source.read(count, at: input)
            guard bytes.count == count else { throw malformed }
            try target.write(bytes, at: offset)
            input += count
            end = offset + count
        }
    }

    private static var malformed: ArchiveFailure { ArchiveFailure(.corrupt, "the archive's pack cannot be read") }

    private static func number(_ value: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
    }

    /// Nil for what no file is long enough for.
    private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
        let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return value <= UInt64(largest) ? Int(value) : nil
    }
}
