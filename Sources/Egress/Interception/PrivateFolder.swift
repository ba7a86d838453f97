internal import Glibc

/// Folders for this user alone.
package enum PrivateFolder {
    /// Makes the folder, and those above it that are missing.
    /// - Returns: false when it cannot be made; `errno` says why.
    package static func make(_ path: String) -> Bool {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return true }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex,
            make(String(path[..<slash]))
        else { return false }
        return mkdir(path, 0o700) == 0 || errno == EEXIST
    }
}
