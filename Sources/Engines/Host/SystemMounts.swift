internal import CLinux
internal import Glibc
internal import Sandbox

/// The system files of one sandbox where they may change, or have: overlays over the host's, whose upper layers lie on the
/// sandbox's own disk image beside its work directory. Calls block.
///
/// On the image every file belongs to the user that it belongs to inside; mounts turn these into the session's users on the host.
struct SystemMounts: Sendable {
    let sandbox: SandboxPaths
    let base: SystemBase

    /// The folders that programs inside find, by their places on the host.
    struct View: Sendable {
        var usr: String
        var etc: String
        /// Nil on a host without such a list.
        var packages: String?
        /// Has those of ``SystemMounts/folders`` in it.
        var folders: String
        /// For programs that are the system's root; nil when all of it is read-only. Who opened it closes it.
        var userNamespace: Int32?
    }

    /// Overlays, by their names on the image and in the sandbox's folder.
    private enum Overlay: String, CaseIterable { case usr, etc, packages }
    /// Plain folders on the image, with what is in them from the start.
    static let folders: [(name: String, mode: mode_t, inside: [String])] = [
        (
            "var", 0o755,
            [
                "cache/apt/archives/partial", "lib/apt/lists/partial", "lib/dpkg", "lib/misc", "local", "log", "mail",
                "opt",
                "spool", "backups",
            ]
        ),
        ("opt", 0o755, ["perimeter"]), ("root", 0o700, []), ("home", 0o755, []), ("srv", 0o755, []),
    ]

    /// Whether the image, which is mounted, has a changed system.
    var exists: Bool { HostFiles.facts(sandbox.system) != nil }

    private func path(_ name: String) -> String { "\(sandbox.folder)/system-\(name)" }
    private func upper(_ overlay: Overlay, in store: String) -> String { "\(store)/\(overlay.rawValue)/upper" }
    private var mapped: String { path("image") }
    private static let lowers = ["lower-base", "lower-usr", "lower-packages"]

    /// The system that programs may change.
    func openWritable(_ layers: SystemBase.Layers, _ users: SystemUsers) throws(SystemError) -> View {
        try checkPaths()
        try makeStore()
        try checkStore()
        let namespace = clinux_user_namespace(users.map, users.map)
        guard namespace >= 0 else { throw SystemError("make a user namespace") }
        do throws(SystemError) {
            try map(sandbox.system, at: mapped, namespace, isReadOnly: false)
            try map(base.folder, at: path("lower-base"), namespace)
            try map(base.usr, at: path("lower-usr"), namespace)
            let etc = "\(path("lower-base"))/\(layers.etc)"
            let masks = layers.mask.map { ["\(path("lower-base"))/\($0)"] } ?? []
            try overlay(.usr, masks + [path("lower-usr")], writtenBy: users.root)
            try overlay(.etc, [etc], writtenBy: users.root)
            if SystemBase.hasPackages {
                try map(SystemBase.packages, at: path("lower-packages"), namespace)
                try overlay(.packages, [path("lower-packages")], writtenBy: users.root)
            }
            // The overlays have mounts of their own of them.
            for name in Self.lowers { clinux_unmount(path(name)) }
            return view(folders: "\(mapped)/folders", namespace)
        } catch {
            Glibc.close(namespace)
            throw error
        }
    }

    /// The system as earlier programs have left it, for programs that only read it.
    func openReadOnly(_ layers: SystemBase.Layers) throws(SystemError) -> View {
        try checkPaths()
        try checkStore()
        let store = sandbox.system
        try overlay(.usr, [upper(.usr, in: store), base.usr], writtenBy: nil)
        try overlay(.etc, [upper(.etc, in: store), "\(base.folder)/\(layers.etc)"], writtenBy: nil)
        if SystemBase.hasPackages {
            try overlay(.packages, [upper(.packages, in: store), SystemBase.packages], writtenBy: nil)
        }
        return view(folders: "\(store)/folders", nil)
    }

    /// Idempotent, also after a crash at any step. Before the image is unmounted.
    func close() {
        for name in Overlay.allCases.map(\.rawValue) + Self.lowers + ["image"] {
            while clinux_unmount(path(name)) == 0 {}
        }
    }

    private func view(folders: String, _ namespace: Int32?) -> View {
        View(
            usr: path(Overlay.usr.rawValue), etc: path(Overlay.etc.rawValue),
            packages: SystemBase.hasPackages ? path(Overlay.packages.rawValue) : nil, folders: folders,
            userNamespace: namespace)
    }

    /// Paths stand in the options of mounts, where some characters mean something.
    private func checkPaths() throws(SystemError) {
        for path in [sandbox.folder, base.folder] where path.utf8.contains(where: { [0x2C, 0x3A, 0x5C].contains($0) }) {
            throw SystemError("use \(path) for layers: it has a comma, colon or backslash", code: EINVAL)
        }
    }

    /// Makes the layers on the image, unless an earlier life did. They appear as a whole.
    private func makeStore() throws(SystemError) {
        guard !exists else { return }
        let draft = sandbox.system + ".new"
        HostFiles.removeTree(draft)
        try HostFiles.makeFolder(draft, mode: 0o711)
        for overlay in Overlay.allCases {
            try HostFiles.makeFolder(upper(overlay, in: draft), mode: 0o755)
            try HostFiles.makeFolder("\(draft)/\(overlay.rawValue)/work", mode: 0o700)
        }
        for folder in Self.folders {
            let path = "\(draft)/folders/\(folder.name)"
            try HostFiles.makeFolder(path, mode: 0o755)
            for name in folder.inside { try HostFiles.makeFolder("\(path)/\(name)", mode: 0o755) }
            guard chmod(path, folder.mode) == 0 else { throw SystemError("chmod \(path)") }
        }
        for (name, target) in [("run", "/run"), ("lock", "/run/lock")] {
            guard symlink(target, "\(draft)/folders/var/\(name)") == 0 else { throw SystemError("link \(name)") }
        }
        guard rename(draft, sandbox.system) == 0 else { throw SystemError("make \(sandbox.system)") }
    }

    /// An image may have come from elsewhere, and its root may have removed what mounts need: a link in the place of a folder would
    /// lead out of it. Nothing runs that could change it meanwhile.
    private func checkStore() throws(SystemError) {
        let store = sandbox.system
        let layers = Overlay.allCases.flatMap { overlay in
            [upper(overlay, in: store), "\(store)/\(overlay.rawValue)", "\(store)/\(overlay.rawValue)/work"]
        }
        let plain = Self.folders.map { "\(store)/folders/\($0.name)" }
        for folder in [store, "\(store)/folders"] + layers + plain where !HostFiles.isFolder(folder) {
            throw SystemError("use \(folder) of the disk: no folder", code: EBADMSG)
        }
        for (name, mode) in [
            ("var/tmp", 0o1777), ("var/lib", 0o755), ("var/lib/dpkg", 0o755), ("opt/perimeter", 0o755),
        ] {
            let point = "\(store)/folders/\(name)"
            guard !HostFiles.isFolder(point) else { continue }
            unlink(point)
            try HostFiles.makeFolder(point, mode: mode_t(mode))
        }
        let execd = "\(store)/folders/opt/perimeter/execd"
        guard HostFiles.facts(execd) == nil || HostFiles.link(execd) != nil else { return }
        try HostFiles.write("", to: execd, mode: 0o755)
    }

    private func map(
        _ source: String, at target: String, _ namespace: Int32, isReadOnly: Bool = true
    ) throws(SystemError) {
        try HostFiles.makeFolder(target, mode: 0o755)
        guard clinux_mount_mapped(source, target, namespace, isReadOnly ? 1 : 0) == 0 else {
            throw SystemError("mount \(source) with other owners")
        }
    }

    /// - Parameter user: whom the upper layer is written as; nil makes it read-only.
    private func overlay(_ overlay: Overlay, _ lowers: [String], writtenBy user: UInt32?) throws(SystemError) {
        let target = path(overlay.rawValue)
        try HostFiles.makeFolder(target, mode: 0o755)
        var options = "lowerdir=\(lowers.joined(separator: ":"))"
        if user != nil {
            options += ",upperdir=\(upper(overlay, in: mapped)),workdir=\(mapped)/\(overlay.rawValue)/work"
        }
        guard clinux_mount_overlay(target, options, user ?? geteuid(), user == nil ? 1 : 0) == 0 else {
            throw SystemError("mount an overlay over \(lowers.last ?? "")")
        }
        // The kernel falls back to a read-only mount when it cannot use the upper layer, and says so in its log only.
        guard user == nil || access(target, W_OK) == 0 else {
            throw SystemError("write to an overlay over \(lowers.last ?? "")", code: EROFS)
        }
    }

    /// Whether this host can do it: costs a user namespace, and no mount stays.
    static func isPossible(_ base: SystemBase, _ users: SystemUsers) -> Bool {
        guard (try? HostFiles.makeFolder(base.folder, mode: 0o755)) != nil else { return false }
        let namespace = clinux_user_namespace(users.map, users.map)
        guard namespace >= 0 else { return false }
        defer { Glibc.close(namespace) }
        let isMapped = { (folder: String) in clinux_mount_mapped(folder, nil, namespace, 1) == 0 }
        return isMapped(base.usr) && isMapped(base.folder)
    }
}
