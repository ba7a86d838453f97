internal import Unpacking

/// Reads zip archives (APPNOTE 6.3): stored and deflated files, by the central directory.
enum ZipReader {
    static func files(in bytes: [UInt8]) throws(ArchiveError) -> [ArchiveFile] {
        let reader = ByteReader(bytes: bytes)
        let end = try endRecord(reader)
        let count = try reader.number16(end + 10)
        var offset = try reader.number32(end + 16)
        guard count != 0xFFFF, offset != 0xFFFF_FFFF else { throw .unsupported("zip64 archives are not read") }
        guard count <= ArchiveFile.maximumFiles else { throw .tooLarge }
        var files: [ArchiveFile] = []
        var left = ArchiveFile.maximumBytes
        for _ in 0..<count {
            guard try reader.number32(offset) == 0x0201_4B50 else { throw .malformed("broken central directory") }
            let nameLength = try reader.number16(offset + 28)
            let skip = 46 + nameLength + (try reader.number16(offset + 30)) + (try reader.number16(offset + 32))
            if let file = try file(reader, entry: offset, nameLength: nameLength, limit: left) {
                left -= file.bytes.count
                files.append(file)
            }
            offset += skip
        }
        return files
    }

    /// The end record lies in the last 64 KiB, behind which only a comment may follow.
    private static func endRecord(_ reader: ByteReader) throws(ArchiveError) -> Int {
        var offset = reader.bytes.count - 22
        let lowest = max(0, offset - 0xFFFF)
        while offset >= lowest {
            if reader.bytes[offset] == 0x50, try reader.number32(offset) == 0x0605_4B50 { return offset }
            offset -= 1
        }
        throw .malformed("no end of central directory")
    }

    /// Nil for folders, links and anything else that is no regular file.
    private static func file(
        _ reader: ByteReader, entry: Int, nameLength: Int, limit: Int
    ) throws(ArchiveError) -> ArchiveFile? {
        guard let name = String(validating: try reader.slice(entry + 46, nameLength), as: UTF8.self) else {
            throw .malformed("a file name is not UTF-8")
        }
        let path = try ArchiveFile.safePath(name)
        let isUnix = try reader.number16(entry + 4) >> 8 == 3
        let mode = isUnix ? try reader.number32(entry + 38) >> 16 : 0
        let kind = mode & 0o170000
        guard let path, !name.hasSuffix("/"), kind == 0 || kind == 0o100000 else { return nil }
        guard try reader.number16(entry + 8) & 1 == 0 else { throw .unsupported("encrypted archives are not read") }
        let local = try reader.number32(entry + 42)
        guard try reader.number32(local) == 0x0403_4B50 else { throw .malformed("broken local header") }
        let start = local + 30 + (try reader.number16(local + 26)) + (try reader.number16(local + 28))
        let data = try reader.slice(start, try reader.number32(entry + 20))
        let size = try reader.number32(entry + 24)
        guard size <= limit else { throw .tooLarge }
        let content: [UInt8]
        switch try reader.number16(entry + 10) {
        case 0: content = Array(data)
        case 8: content = try Inflate.inflate(data, limit: size)
        default: throw .unsupported("only stored and deflated files are read")
        }
        guard content.count == size,
            CRC32.checksum(content) == UInt32(truncatingIfNeeded: try reader.number32(entry + 16))
        else { throw .malformed("a file does not match its checksum") }
        return ArchiveFile(path: path, bytes: content, isExecutable: mode & 0o111 != 0)
    }
}
