internal import Glibc

/// The `/etc` of sandboxes: generated account files, and copies of the host's files that programs need and anybody may read.
///
/// One folder serves all sandboxes read-only. It is brought up to date in place, so that living ones see it too. Calls block.
struct ConfigurationMirror: Sendable {
    let folder: String
    /// Where the host's files are; a test has its own.
    var source = "/etc"
    /// For a system in which packages can be installed, rather than one that is as it is.
    var isSystem = false

    /// What is copied. Nothing that names accounts, secrets or services of the host is among it.
    private static let shared = [
        "ssl", "ca-certificates", "ca-certificates.conf", "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
        "mime.types", "localtime", "terminfo", "fonts", "perl", "python3", "magic", "java",
    ]
    /// Of these there is one per version: OpenJDK does not start without the files that its own folder has links to.
    private static let versioned = ["java-", "python3."]

    /// What packages and their installers read besides.
    private static let sharedWithSystems = [
        "apt/trusted.gpg.d", "dpkg", "debconf.conf", "adduser.conf", "deluser.conf", "login.defs", "os-release",
        "debian_version", "lsb-release", "services", "protocols", "shells", "profile", "bash.bashrc", "skel",
    ]
    private static let generated: [(name: String, lines: [String])] = [
        (
            "passwd",
            [
                "root:x:0:0:root:/root:/usr/sbin/nologin", "agent:x:1000:1000:agent:/workspace:/bin/bash",
                "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin",
            ]
        ),
        ("group", ["root:x:0:", "agent:x:1000:", "nogroup:x:65534:"]),
        ("hosts", ["127.0.0.1 localhost sandbox", "::1 localhost sandbox"]),
        ("hostname", ["sandbox"]),
        ("nsswitch.conf", ["passwd: files", "group: files", "hosts: files dns"]),
        // The daemon inside, where the sandbox has a way out and the engine may open its port.
        ("resolv.conf", ["nameserver 127.0.0.1"]),
    ]

    var isComplete: Bool { Self.generated.allSatisfy { HostFiles.facts("\(folder)/\($0.name)") != nil } }

    func refresh() throws(SystemError) {
        try HostFiles.makeFolder(folder, mode: 0o755)
        let further = HostFiles.names(in: source).filter { name in Self.versioned.contains { name.hasPrefix($0) } }
        let names = Self.shared + further.sorted() + (isSystem ? Self.sharedWithSystems : [])
        for name in names where name.contains("/") {
            try HostFiles.makeFolder("\(folder)/\(name.prefix { $0 != "/" })", mode: 0o755)
        }
        for name in names { try copy("\(source)/\(name)", to: "\(folder)/\(name)", depth: 0) }
        for (name, lines) in isSystem ? Self.generated.map(Self.completed) : Self.generated {
            try HostFiles.write(lines.joined(separator: "\n") + "\n", to: "\(folder)/\(name)", mode: 0o644)
        }
    }

    /// The accounts of the host's system, which its list of packages and the owners of its files speak of. None is a person's, and
    /// none has a shell, members or anything else to tell.
    private static func completed(_ name: String, _ lines: [String]) -> (name: String, lines: [String]) {
        guard ["passwd", "group"].contains(name), let text = HostFiles.text("/etc/\(name)") else {
            return (name, lines)
        }
        let known = Set(lines.map { $0.prefix { $0 != ":" } })
        let more = text.split(separator: "\n").compactMap { line -> String? in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 4, !known.contains(fields[0]), let number = Int(fields[2]),
                (1..<1000).contains(number)
            else { return nil }
            return name == "group"
                ? "\(fields[0]):x:\(number):" : "\(fields[0]):x:\(number):\(fields[3])::/nonexistent:/usr/sbin/nologin"
        }
        return (name, lines.map { $0.replacing("/root:/usr/sbin/nologin", with: "/root:/bin/bash") } + more)
    }

    /// What does not exist or is not for everybody is left out.
    private func copy(_ source: String, to target: String, depth: Int) throws(SystemError) {
        var status = stat()
        guard depth < 8, lstat(source, &status) == 0 else { return }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            guard status.st_mode & 0o005 == 0o005 else { return }
            try HostFiles.makeFolder(target, mode: 0o755)
            for name in HostFiles.names(in: source) {
                try copy("\(source)/\(name)", to: "\(target)/\(name)", depth: depth + 1)
            }
        case S_IFREG:
            guard status.st_mode & 0o004 != 0 else { return }
            let old = HostFiles.facts(target)
            let age = time(nil) - status.st_mtim.tv_sec
            if let old, old.size == Int(status.st_size), old.age <= age { return }
            try HostFiles.copy(source, to: target, mode: 0o644)
        case S_IFLNK:
            guard let destination = HostFiles.link(source), symlink(destination, target) != 0 else { return }
            guard errno == EEXIST else { throw SystemError("link \(target)") }
            guard HostFiles.link(target) != destination else { return }
            let draft = "\(target).\(getpid()).new"
            unlink(draft)
            guard symlink(destination, draft) == 0, rename(draft, target) == 0 else {
                throw SystemError("link \(target)")
            }
        default: return
        }
    }
}
