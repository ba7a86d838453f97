internal import Unpacking

/// One regular file of an archive. Links, devices and the like never become one.
struct ArchiveFile: Equatable, Sendable {
    /// Folders and name, each safe; never empty.
    var path: [String]
    var bytes: [UInt8]
    var isExecutable: Bool

    /// Total bytes and files of one archive: what hosted skills may have, with room.
    static let maximumBytes = 64 << 20
    static let maximumFiles = 10_000

    /// Splits a name from an archive; nil for a folder's own entry, such as `./`.
    /// - Throws: ``ArchiveError`` `.unsafePath` for absolute names, `..`, backslashes and control characters.
    static func safePath(_ name: String) throws(ArchiveError) -> [String]? {
        // Windows tools take a backslash for a separator.
        guard !name.contains("\\") else { throw .unsafePath(String(name.prefix(200))) }
        return try TarHeader.safePath(name)
    }
}
