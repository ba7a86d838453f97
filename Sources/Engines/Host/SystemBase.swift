internal import Glibc

/// What changeable systems have as their lowest layer beside the host's own folders: an `/etc` in which packages can be installed,
/// and what hides the host's private files. One folder serves all of them and is never written to by them. Calls block.
struct SystemBase: Sendable {
    let folder: String
    /// The host's folder below every system's own.
    var usr = "/usr"

    /// The folders of one moment, by their names in the folder.
    struct Layers: Equatable, Sendable {
        var etc: String
        /// Laid over `/usr`; nil when everybody may read all of it.
        var mask: String?
    }

    private static let finder = "/usr/bin/find"
    /// The folder of the host that says which packages its system has (dpkg(1)); absent on other systems.
    static let packages = "/var/lib/dpkg"
    static var hasPackages: Bool { HostFiles.facts("\(packages)/status") != nil }

    /// Brings the folder up to date. One caller at a time.
    func refresh() throws(SystemError) -> Layers {
        try HostFiles.makeFolder(folder, mode: 0o755)
        try ConfigurationMirror(folder: "\(folder)/etc", isSystem: true).refresh()
        return Layers(etc: "etc", mask: try mask())
    }

    /// Another text when the host's system has become another one.
    static var identity: String {
        var facts = stat()
        let version = stat("\(packages)/status", &facts) == 0 ? "\(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)" : ""
        let release = HostFiles.text("/etc/os-release") ?? ""
        return "host-" + String(StableHash.of(release + version), radix: 36)
    }

    /// Hides what others on the host may not read. The root of a changeable system is to the host's files what their owner is, since
    /// it can change them; the contents of private ones must not come along.
    private func mask() throws(SystemError) -> String? {
        let private_ = try privatePaths()
        guard !private_.isEmpty else { return nil }
        let name = "mask-" + String(StableHash.of(private_.joined(separator: "\0")), radix: 36)
        // Never changed once it is there: living systems have it below them.
        guard HostFiles.facts("\(folder)/\(name)") == nil else { return name }
        let draft = "\(folder)/\(name).\(getpid()).new"
        HostFiles.removeTree(draft)
        try HostFiles.makeFolder(draft, mode: 0o755)
        for path in private_ { try hide(path, in: draft) }
        guard rename(draft, "\(folder)/\(name)") == 0 else { throw SystemError("make \(folder)/\(name)") }
        return name
    }

    /// A whiteout (overlayfs.rst) in the place of a file, below copies of the folders on the way.
    private func hide(_ path: String, in draft: String) throws(SystemError) {
        let names = path.dropFirst(usr.count).split(separator: "/")
        guard let last = names.last else { throw SystemError("read \(usr): it is for root alone", code: EACCES) }
        var (source, target) = (usr, draft)
        for name in names.dropLast() {
            source += "/\(name)"
            target += "/\(name)"
            guard mkdir(target, 0o755) == 0 else {
                guard errno == EEXIST else { throw SystemError("mkdir \(target)") }
                continue
            }
            var facts = stat()
            guard lstat(source, &facts) == 0, lchown(target, facts.st_uid, facts.st_gid) == 0,
                chmod(target, facts.st_mode & 0o7777) == 0
            else { throw SystemError("copy the folder \(source)") }
        }
        guard mknod("\(target)/\(last)", S_IFCHR, 0) == 0 else { throw SystemError("hide \(path)") }
    }

    private func privatePaths() throws(SystemError) -> [String] {
        let list = "\(folder)/private.\(getpid())"
        defer { unlink(list) }
        try HostProgram.run(
            Self.finder,
            [
                usr, "-xdev", "(", "-type", "d", "!", "-perm", "-005", "-o", "!", "-type", "d", "!", "-type", "l", "!",
                "-perm", "-004", ")", "-prune", "-fprint0", list,
            ])
        guard let bytes = HostFiles.read(list, limit: 64 << 20) else { throw SystemError("read \(list)", code: EFBIG) }
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
