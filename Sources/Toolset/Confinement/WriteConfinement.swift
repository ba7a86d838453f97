internal import CLinux
internal import Glibc

/// What the daemon and everything that it starts may change, as Landlock enforces it: a wall behind mounts and permissions.
///
/// Nothing is written, made, renamed or removed but below the named folders; of devices, only the harmless ones are opened for
/// writing. From version 6 of the interface on, signals and abstract unix sockets reach what was started here and nothing else.
/// Reading, running programs and TCP are not its business.
package struct WriteConfinement: Equatable, Sendable {
    /// A file or folder, and the rights on it and below it.
    package struct Rule: Equatable, Sendable {
        package var path: String
        package var rights: UInt64
    }

    /// Rights on files (linux/landlock.h).
    enum Right {
        static let write: UInt64 = 1 << 1
        /// REMOVE_DIR, REMOVE_FILE, and MAKE_CHAR up to MAKE_SYM.
        static let changeFolders: UInt64 = 0x1FF0
        static let move: UInt64 = 1 << 13
        /// From version 3 on.
        static let truncate: UInt64 = 1 << 14
        /// From version 5 on: requests to devices.
        static let control: UInt64 = 1 << 15
    }
    /// Signals and abstract sockets, from version 6 on.
    private static let everyScope: UInt64 = 3
    /// The first version forbids every move from one folder into another, which programs do all day.
    package static let leastVersion = 2

    /// Where programs may write in every sandbox that has a read-only root.
    package static let usualFolders = ["/tmp", "/run", "/var", "/dev/shm"]
    private static let usualDevices = ["null", "zero", "full", "random", "urandom", "tty", "ptmx"]

    package let rights: UInt64
    package let scopes: UInt64
    package let rules: [Rule]

    /// - Parameters:
    ///   - version: of the kernel's interface, from ``leastVersion`` on.
    ///   - folders: where anything may be written.
    ///   - devices: names in `/dev`, of which those of NVIDIA's driver are taken too.
    package init(version: Int, folders: [String], devices: [String]) {
        let later = (version >= 3 ? Right.truncate : 0) | (version >= 5 ? Right.control : 0)
        let all = Right.write | Right.changeFolders | Right.move | later
        rights = all
        scopes = version >= 6 ? Self.everyScope : 0
        let drivers = devices.filter { $0.hasPrefix("nvidia") }.sorted()
        let onFiles = Right.write | later
        rules =
            folders.map { Rule(path: $0, rights: all) }
            + (Self.usualDevices + drivers).map { Rule(path: "/dev/\($0)", rights: onFiles) }
            + [
                // Terminals; and what processes set about themselves, where the kernel decides by owner.
                Rule(path: "/dev/pts", rights: onFiles), Rule(path: "/proc", rights: onFiles),
            ]
    }

    /// The version of the kernel's interface; nil where there is none that serves.
    package static var version: Int? {
        let version = Int(clinux_landlock_version())
        return version >= leastVersion ? version : nil
    }

    /// Confines the calling thread and all that it starts; what does not exist is left out. To be called while there is one thread.
    package func enforce() throws(SystemFailure) {
        let set = try Descriptor(opened: clinux_landlock_create(rights, scopes), "landlock_create_ruleset")
        for rule in rules {
            let raw = clinux_openat(AT_FDCWD, rule.path, clinux_o_path | O_CLOEXEC, 0)
            guard raw >= 0 else {
                guard errno == ENOENT else { throw SystemFailure(errno, "open") }
                continue
            }
            let place = Descriptor(raw)
            guard clinux_landlock_allow(set.raw, place.raw, rule.rights) == 0 else {
                throw SystemFailure(errno, "landlock_add_rule")
            }
        }
        guard clinux_landlock_enforce(set.raw) == 0 else { throw SystemFailure(errno, "landlock_restrict_self") }
    }
}
