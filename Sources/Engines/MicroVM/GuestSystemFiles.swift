internal import CLinux
internal import Glibc

/// What guests boot from: files of the folder that `scripts/microvm-guest.sh` prepared, and the daemon. Calls block.
struct GuestSystemFiles: Sendable {
    let folder: String
    let execd: String

    var kernel: String { "\(folder)/vmlinux" }
    var root: String { "\(folder)/root.ext4" }
    private var modules: String { "\(folder)/modules" }

    private static let moduleLimit = 8 << 20
    private static let daemonLimit = 64 << 20
    private static let identifierOffset: off_t = 1024 + 0x68

    /// What is missing, in words; nil when all is there.
    var problem: String? {
        for path in [kernel, root, execd] where access(path, R_OK) != 0 { return "there is no \(path)" }
        return HostFiles.names(in: modules).isEmpty ? "there are no kernel modules in \(modules)" : nil
    }

    /// Changes with each of the files.
    var stamp: String {
        [kernel, modules, root, execd].map { path in
            var facts = stat()
            guard stat(path, &facts) == 0 else { return "-" }
            return "\(facts.st_dev)/\(facts.st_ino)/\(facts.st_size)/\(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)"
        }.joined(separator: " ")
    }

    /// A memory file with the guest's first file system.
    func initramfs() throws(SystemError) -> Int32 {
        var archive = InitramfsArchive()
        for name in ["dev", "sys", "modules"] { archive.add(folder: name) }
        for name in HostFiles.names(in: modules).sorted() {
            guard let module = HostFiles.read("\(modules)/\(name)", limit: Self.moduleLimit) else {
                throw SystemError("read \(modules)/\(name)")
            }
            archive.add(file: "modules/\(name)", mode: 0o644, module)
        }
        guard let daemon = HostFiles.read(execd, limit: Self.daemonLimit) else { throw SystemError("read \(execd)") }
        archive.add(file: "init", mode: 0o755, daemon)
        let bytes = archive.finished()
        let file = clinux_memory_file("initramfs", bytes, UInt64(bytes.count))
        guard file >= 0 else { throw SystemError("memfd") }
        return file
    }

    /// Tells one root image from another: the identifier that every formatting makes anew (ext4's `s_uuid`), and the size.
    func rootIdentity() throws(SystemError) -> String {
        let file = open(root, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SystemError("open \(root)") }
        defer { close(file) }
        var identifier = [UInt8](repeating: 0, count: 16)
        guard pread(file, &identifier, identifier.count, Self.identifierOffset) == identifier.count else {
            throw SystemError("read \(root)")
        }
        let size = lseek(file, 0, SEEK_END)
        return identifier.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined() + "-\(size)"
    }
}
