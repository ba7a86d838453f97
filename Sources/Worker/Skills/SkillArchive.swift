internal import Unpacking

/// Reads a skill's archive, whatever of the known formats it has, without touching a file system.
enum SkillArchive {
    /// The regular files, with one common top folder taken off.
    static func files(in bytes: [UInt8]) throws(ArchiveError) -> [ArchiveFile] {
        let files: [ArchiveFile]
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || bytes.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
            files = try ZipReader.files(in: bytes)
        } else if bytes.starts(with: [0x1F, 0x8B]) {
            files = try TarReader.files(in: try Inflate.gunzip(bytes, limit: ArchiveFile.maximumBytes))
        } else if bytes.starts(with: Array("BZh".utf8)) || bytes.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A]) {
            throw .unsupported("bzip2 and xz archives are not read: pack the skill as zip or tar.gz")
        } else {
            files = try TarReader.files(in: bytes)
        }
        guard let top = files.first?.path.first, files.allSatisfy({ $0.path.count > 1 && $0.path[0] == top }) else {
            return files
        }
        return files.map {
            ArchiveFile(path: Array($0.path.dropFirst()), bytes: $0.bytes, isExecutable: $0.isExecutable)
        }
    }
}
