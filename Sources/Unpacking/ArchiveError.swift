/// Why an archive is not unpacked.
package enum ArchiveError: Error, Equatable {
    /// Neither zip nor tar nor compressed tar, or a feature that is not read here.
    case unsupported(String)
    case malformed(String)
    /// A name that is absolute or leaves its folder.
    case unsafePath(String)
    /// More bytes or files than there may be.
    case tooLarge
}
