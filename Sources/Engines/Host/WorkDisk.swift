internal import CLinux
internal import Glibc
internal import Sandbox

/// The work directory of a sandbox: an ext4 image of fixed size, mounted while the sandbox lives.
///
/// The image bounds the disk, survives the sandbox, and is one sparse file to copy or move. Calls block.
struct WorkDisk: Sendable {
    let paths: EnginePaths
    /// False where images cannot be mounted: then it is a plain folder without a bound.
    let usesImages: Bool

    /// Makes the work directory reachable at the sandbox's mount point, with the files of earlier lives.
    /// - Parameter owner: the user and group on the host that the sandbox runs as.
    func open(_ id: SandboxID, bytes: Int, owner: UInt32) throws(SystemError) {
        let sandbox = paths.sandbox(id)
        try HostFiles.makeFolder(sandbox.work, mode: 0o755)
        guard usesImages else {
            try HostFiles.makeFolder(paths.workspaces, mode: 0o700)
            return try HostFiles.makeFolder(sandbox.plain, mode: 0o700)
        }
        try ensureImage(id, bytes: bytes)
        try mount(sandbox.image, at: sandbox.work)
        do throws(SystemError) { try give(source(id), to: owner) } catch {
            close(id)
            throw error
        }
    }

    /// Makes the files a user's own. Those of a snapshot belong to the user of the sandbox that it was taken from.
    private func give(_ files: String, to owner: UInt32) throws(SystemError) {
        let isNew = mkdir(files, 0o755) == 0
        guard isNew || errno == EEXIST else { throw SystemError("make \(files)") }
        // An image may have come from elsewhere: a link would lead out of it.
        guard HostFiles.isFolder(files) else { throw SystemError("use \(files) of the disk: no folder", code: EBADMSG) }
        var facts = stat()
        guard lstat(files, &facts) == 0 else { throw SystemError("look at \(files)") }
        guard facts.st_uid != owner || facts.st_gid != owner else { return }
        if !isNew {
            try HostProgram.run(
                "/usr/bin/find",
                [
                    files, "-xdev", "-mindepth", "1", "-exec", "/usr/bin/chown", "-h", "\(owner):\(owner)", "{}", "+",
                ])
        }
        // Last: whoever finds it done finds all of it done.
        guard chown(files, owner, owner) == 0 else { throw SystemError("own \(files)") }
    }

    /// Makes the image, unless an earlier life left one. It is not mounted.
    func ensureImage(_ id: SandboxID, bytes: Int) throws(SystemError) {
        try HostFiles.makeFolder(paths.workspaces, mode: 0o700)
        let image = paths.sandbox(id).image
        guard let facts = HostFiles.facts(image) else { return try create(image, bytes) }
        // A smaller image stays as it is: it is within the bound. ERANGE: refused, not failed.
        guard facts.size <= bytes else {
            throw SystemError("keep the work directory of \(facts.size) bytes within \(bytes)", code: ERANGE)
        }
    }

    /// Mounts the image. One that was used a moment ago may still be written back: that is waited for.
    private func mount(_ image: String, at folder: String) throws(SystemError) {
        for _ in 0..<Self.mountAttempts {
            if clinux_mount_image(image, folder) == 0 { return }
            guard errno == EBUSY else { throw SystemError("mount \(image)") }
            usleep(Self.mountPause)
        }
        throw SystemError("mount \(image)", code: EBUSY)
    }

    // Ten seconds together.
    private static let mountAttempts = 5000
    private static let mountPause: UInt32 = 2000

    /// Where the sandbox's files are on the host while it lives.
    func source(_ id: SandboxID) -> String {
        // Below the root of the image, which has a folder of its own for repairs.
        usesImages ? paths.sandbox(id).work + "/files" : paths.sandbox(id).plain
    }

    /// Removes the files of a sandbox that does not live.
    func remove(_ id: SandboxID) {
        let sandbox = paths.sandbox(id)
        if usesImages { unlink(sandbox.image) } else { HostFiles.removeTree(sandbox.plain) }
    }

    func keepsFiles(of id: SandboxID) -> Bool {
        HostFiles.facts(usesImages ? paths.sandbox(id).image : paths.sandbox(id).plain) != nil
    }

    /// Unmounts; the files stay.
    func close(_ id: SandboxID) {
        guard usesImages else { return }
        // Nothing mounted is as good as unmounted; several may lie over each other after a crash.
        while clinux_unmount(paths.sandbox(id).work) == 0 {}
    }

    /// Removes work directories that nobody has used for `seconds`, and those in which packages were installed.
    func removeOld(keeping live: Set<SandboxID>, after seconds: Int) {
        for name in HostFiles.names(in: paths.workspaces) where name.hasSuffix(".img") {
            guard let id = SandboxID(String(name.dropLast(4))), !live.contains(id),
                let age = HostFiles.facts(paths.sandbox(id).image)?.age,
                age > seconds || id.rawValue.hasPrefix(SnapshotID.layerPrefix)
            else { continue }
            unlink(paths.sandbox(id).image)
        }
    }

    /// Copies a formatted template: a copy of its few used blocks is faster than formatting.
    private func create(_ image: String, _ bytes: Int) throws(SystemError) {
        try HostFiles.copy(template(bytes), to: image, mode: 0o600)
    }

    /// Formats the image that new work directories of this size are copied from. One caller at a time.
    func prepare(bytes: Int) throws(SystemError) {
        guard usesImages, HostFiles.facts(template(bytes)) == nil else { return }
        try Self.format(template(bytes), in: paths.template, bytes)
    }

    private func template(_ bytes: Int) -> String { "\(paths.template)/ext4-\(bytes).img" }

    static let formatter = "/sbin/mke2fs"
    private static let journalMebibytes = 4

    private static func format(_ path: String, in folder: String, _ bytes: Int) throws(SystemError) {
        try HostFiles.makeFolder(folder, mode: 0o700)
        // Several sandboxes of one size may be the first ones at the same time.
        let draft = "\(path).\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(draft) }
        let file = Glibc.open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SystemError("open \(draft)") }
        let isSized = ftruncate(file, off_t(bytes)) == 0
        Glibc.close(file)
        guard isSized else { throw SystemError("size \(draft)") }
        let inodes = max(1024, bytes / 16_384)
        try HostProgram.run(
            Self.formatter,
            [
                "-q", "-F", "-t", "ext4", "-m", "0", "-N", "\(inodes)", "-O", "^resize_inode",
                // A journal brings the files through a crash of the host: nothing else here would repair them.
                "-J", "size=\(Self.journalMebibytes)", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", draft,
            ])
        guard rename(draft, path) == 0 else { throw SystemError("rename \(path)") }
    }
}
