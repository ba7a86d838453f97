internal import Glibc

/// A system call that failed.
package struct SystemFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package var code: Int32
    package var operation: String

    package init(_ code: Int32, _ operation: StaticString) {
        self.code = code
        self.operation = operation.description
    }

    /// The error in words, without any path.
    package var phrase: String {
        switch code {
        case ENOENT: "no such file or directory"
        case EACCES, EPERM: "permission denied"
        case EISDIR: "is a directory"
        case ENOTDIR: "a part of the path is not a directory"
        case ENOSPC, EDQUOT: "no space left"
        case EROFS: "the file system is read-only"
        case ENAMETOOLONG: "the name is too long"
        case ELOOP: "too many symbolic links"
        default: "\(operation) failed (error \(code))"
        }
    }

    package var description: String { "\(operation): \(phrase)" }
}
