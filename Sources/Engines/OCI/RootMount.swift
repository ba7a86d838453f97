internal import CLinux
internal import Glibc

/// The root file system of one sandbox: a folder that all share, never written to, with the mount points it lacks laid over it
/// (a read-only overlay). Calls block.
struct RootMount: Sendable {
    /// Where it is mounted.
    let target: String
    /// Holds the folders that the root file system lacks.
    let skeleton: String

    /// The place in a sandbox's folder.
    init(in folder: String) {
        target = "\(folder)/root"
        skeleton = "\(folder)/skeleton"
    }

    /// Why a folder cannot be a root file system, or nil.
    static func refusal(of root: String) -> String? {
        guard root.hasPrefix("/"), !root.utf8.contains(where: { [0x2C, 0x3A, 0x5C].contains($0) }) else {
            return "its path must be absolute, without commas, colons and backslashes"
        }
        guard kind(root) == S_IFDIR else { return "it is not a folder" }
        for point in ContainerBundle.mountPoints {
            var path = root
            for name in point.split(separator: "/") {
                path += "/\(name)"
                // Something would be mounted where a link leads, which the overlay does not control.
                if let kind = kind(path), kind != S_IFDIR { return "\(point) in it is not a folder" }
            }
        }
        return kind("\(root)/bin/bash") == nil && kind("\(root)/usr/bin/bash") == nil ? "it has no bash" : nil
    }

    /// - Throws: EINVAL with the reason for a folder that cannot be a root file system.
    func open(_ root: String) throws(SystemError) {
        if let refusal = Self.refusal(of: root) {
            throw SystemError("use \(root) as the root file system: \(refusal)", code: EINVAL)
        }
        try HostFiles.makeFolder(target, mode: 0o755)
        try HostFiles.makeFolder(skeleton, mode: 0o755)
        for point in ContainerBundle.mountPoints { try HostFiles.makeFolder("\(skeleton)/\(point)", mode: 0o755) }
        let options = "lowerdir=\(skeleton):\(root)"
        let flags = UInt(MS_RDONLY | MS_NODEV | MS_NOSUID)
        guard mount("overlay", target, "overlay", flags, options) == 0 else {
            throw SystemError("mount an overlay over \(root)")
        }
    }

    /// Idempotent.
    func close() {
        // Several may lie over each other after a crash.
        while clinux_unmount(target) == 0 {}
        rmdir(target)
        HostFiles.removeTree(skeleton)
    }

    private static func kind(_ path: String) -> UInt32? {
        var facts = stat()
        return lstat(path, &facts) == 0 ? facts.st_mode & S_IFMT : nil
    }
}
