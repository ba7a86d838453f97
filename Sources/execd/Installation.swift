internal import CLinux
internal import Glibc
internal import Toolset

/// Copies this executable to a place that another container shares: an image with nothing else in it has no `cp`.
struct Installation {
    let path: String
    private static let itself = "/proc/self/exe"
    private static let pieceSize = 1 << 20

    init(at path: String) { self.path = path }

    /// The copy appears as a whole.
    func run() throws -> Int32 {
        let source = try Descriptor(opened: open(Self.itself, O_RDONLY | O_CLOEXEC), "open the executable")
        let draft = path + ".new"
        let target = try Descriptor(
            opened: open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o555), "make the copy")
        var buffer = [UInt8](repeating: 0, count: Self.pieceSize)
        while true {
            let count = read(source.raw, &buffer, buffer.count)
            guard count != 0 else { break }
            guard count > 0, write(target.raw, buffer, count) == count else { throw SystemFailure(errno, "copy") }
        }
        // The file mode creation mask may have taken bits away.
        guard fchmod(target.raw, 0o555) == 0, rename(draft, path) == 0 else {
            throw SystemFailure(errno, "install the copy")
        }
        return 0
    }
}
