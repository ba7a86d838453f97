internal import Unpacking

/// Reads tar archives: ustar with the long names of GNU and pax.
enum TarReader {
    static func files(in bytes: [UInt8]) throws(ArchiveError) -> [ArchiveFile] {
        let reader = ByteReader(bytes: bytes)
        var files: [ArchiveFile] = []
        var offset = 0
        var left = ArchiveFile.maximumBytes
        var longName: String?
        while offset + TarHeader.size <= bytes.count {
            guard let header = try TarHeader(parsing: Array(try reader.slice(offset, TarHeader.size))) else { break }
            guard header.length <= left else { throw .tooLarge }
            let data = try reader.slice(offset + TarHeader.size, header.length)
            offset += TarHeader.size + header.paddedLength
            switch header.kind {
            case .longName: longName = try TarHeader.text(data.prefix { $0 != 0 })
            case .records: longName = try TarHeader.records(data)["path"] ?? longName
            case .file:
                let name = longName ?? header.name
                longName = nil
                guard let path = try ArchiveFile.safePath(name), !name.hasSuffix("/") else { continue }
                guard files.count < ArchiveFile.maximumFiles else { throw .tooLarge }
                left -= header.length
                files.append(
                    ArchiveFile(path: path, bytes: Array(data), isExecutable: header.mode & 0o111 != 0))
            case .globalRecords: continue
            default:
                // Folders, links and devices; a folder's name is checked all the same.
                if longName == nil { _ = try ArchiveFile.safePath(header.name) }
                longName = nil
            }
        }
        return files
    }
}
